#!/usr/bin/env python3
"""Writes nir-vectors.tsv: numbers and whether python-stdnum (2.2, LGPL, not shipped) finds their key right.

    pip install python-stdnum==2.2
    python3 tests/data/titles/make-nir-vectors.py > tests/data/titles/nir-vectors.tsv

Columns: number, `1` when stdnum.fr.nir accepts it. The numbers are random, from a fixed seed; half of the keys
are off by some units. stdnum checks the key, not the month or the department: so do the tests that read this.
"""
import random

from stdnum.fr import nir

random.seed(20261121)


def number():
    department = random.choice(['%02d' % random.randint(1, 95)] * 6 + ['2A', '2B', '97', '98', '99'])
    commune = '%03d' % random.randint(1, 990)
    if department in ('97', '98'):
        commune = random.choice('123456') + '%02d' % random.randint(1, 90)
    month = random.choice([random.randint(1, 12)] * 9 + [random.randint(20, 99)])
    return '%d%02d%02d%s%s%03d' % (random.randint(1, 2), random.randint(0, 99), month, department, commune,
                                   random.randint(1, 999))


print('number\tkey_is_right')
for index in range(2000):
    base = number()
    key = int(nir.calc_check_digits(base))
    if index % 2:
        key = (key + random.randint(1, 90) - 1) % 97 + 1
    value = '%s%02d' % (base, key)
    print('%s\t%d' % (value, nir.is_valid(value)))
