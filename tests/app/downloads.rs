//! Downloads over the pages: stretches of a file (RFC 9110 section 14), the archive, and what the log has of each.

use std::io::{Cursor, Read};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, COOKIE, ETAG, IF_RANGE, RANGE};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use pli::app::{Append, NewUpload};
use pli::audit::{Action, Detail, Event};
use pli::identity::Password;
use pli::value::{ByteSize, Digest, Reference};
use pli::web::{WebConfig, router};
use tower::ServiceExt;
use zip::ZipArchive;

use crate::house::{House, PASSWORD, address, is_found_below, visitor};

/// What an agent's browser holds: the pages and its cookie.
struct Agent {
    pages: Router,
    cookie: String,
}

impl Agent {
    async fn of(house: &House) -> Self {
        let password = Password::new(PASSWORD.into());
        let token =
            house.app.sign_in(Some(address("agent@carsat.example")), password, visitor()).await.unwrap();
        let pages = router(house.app.clone(), WebConfig { secure_cookies: false, demo: None });
        Self { pages, cookie: format!("pli_session={}", token.expose()) }
    }

    async fn ask(&self, method: Method, path: &str, more: &[(&str, &str)]) -> (StatusCode, HeaderMap, Bytes) {
        let mut request = Request::builder().method(method).uri(path).header(COOKIE, &self.cookie);
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        let response = self.pages.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        (head.status, head.headers, to_bytes(body, 10_000_000).await.unwrap())
    }

    async fn get(&self, path: &str, range: &str) -> (StatusCode, HeaderMap, Bytes) {
        self.ask(Method::GET, path, &[(RANGE.as_str(), range)]).await
    }
}

fn scan(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|n| u8::try_from(n % 249).unwrap()).collect()
}

async fn deposit(house: &House, files: &[(&str, &[u8])]) -> Reference {
    let draft = house.draft().await;
    for (name, bytes) in files {
        house.add_file(&draft, name, bytes).await;
    }
    house.send(&draft, "Demande urgente").await.unwrap().reference
}

/// A deposit of one file of a folder, as a page's script sends it.
async fn deposit_in_folders(house: &House) -> Reference {
    let draft = house.draft().await;
    let view = || async { house.app.draft(draft.0, &draft.1).await.unwrap().unwrap() };
    let bytes = b"%PDF-1.7 deux";
    let length = ByteSize(bytes.len() as u64);
    let new = NewUpload { path: "dossier/pièces/avis.pdf".into(), fingerprint: String::new(), length };
    let begun = house.app.begin_upload(view().await, new, visitor()).await.unwrap();
    let append = Append { offset: ByteSize(0), length: None, checksum: None };
    let mut appending = house.app.append_to_upload(view().await, begun.id, append, visitor()).await.unwrap();
    assert!(appending.push(Bytes::from_static(bytes)).await);
    appending.finish().await.unwrap();
    house.send(&draft, "Demande urgente").await.unwrap().reference
}

/// The results of so many downloads in the log, in order; each is committed a moment after its last byte was sent.
async fn downloads(house: &House, count: usize) -> Vec<Event> {
    loop {
        let told = results(house).await;
        if told.len() >= count {
            return told;
        }
        tokio::task::yield_now().await;
    }
}

async fn results(house: &House) -> Vec<Event> {
    let leaves = house.app.store.leaves(0, 100_000).await.unwrap();
    let events = leaves.into_iter().map(|leaf| leaf.entry.unwrap().event().unwrap());
    let is_result = |event: &Event| {
        matches!(event.action, Action::FileDownloaded | Action::ArchiveDownloaded) && event.detail.is_some()
    };
    events.filter(is_result).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_was_cut_goes_on_where_it_stopped_and_both_are_in_the_log() {
    let house = House::build().await;
    let bytes = scan(400_000);
    let reference = deposit(&house, &[("scan.tiff", &bytes)]).await;
    let (agent, file) = (Agent::of(&house).await, format!("/transferts/{reference}/fichiers/1"));

    let (status, headers, body) = agent.ask(Method::GET, &file, &[]).await;
    assert_eq!((status, &body[..]), (StatusCode::OK, &bytes[..]));
    downloads(&house, 1).await;
    assert_eq!(headers[ACCEPT_RANGES], "bytes");
    let tag = headers[ETAG].to_str().unwrap().to_owned();
    assert!(tag.starts_with('"') && tag.len() > 40, "{tag} is no strong tag");
    assert!(!tag.contains(&Digest::of(&bytes).to_hex()), "the tag says nothing of what is in clear");

    let resumed = [(RANGE.as_str(), "bytes=250000-"), (IF_RANGE.as_str(), tag.as_str())];
    let (status, headers, body) = agent.ask(Method::GET, &file, &resumed).await;
    assert_eq!((status, &body[..]), (StatusCode::PARTIAL_CONTENT, &bytes[250_000..]));
    assert_eq!(headers[CONTENT_RANGE], "bytes 250000-399999/400000");
    assert_eq!(headers[CONTENT_LENGTH], "150000");
    assert_eq!(headers[ETAG], tag.as_str());

    let told: Vec<_> = downloads(&house, 2).await.into_iter().map(|event| event.detail.unwrap()).collect();
    let stretch = Detail::Stretch { from: ByteSize(250_000), bytes: ByteSize(150_000) };
    assert_eq!(told, [Detail::Bytes(ByteSize(400_000)), stretch]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stretch_from_any_byte_is_that_stretch() {
    let house = House::build().await;
    let bytes = scan(200_000);
    let reference = deposit(&house, &[("scan.tiff", &bytes)]).await;
    let (agent, file) = (Agent::of(&house).await, format!("/transferts/{reference}/fichiers/1"));
    for (range, first, last) in [
        ("bytes=0-0", 0, 0),
        ("bytes=65535-65536", 65_535, 65_536),
        ("bytes=65536-131071", 65_536, 131_071),
        ("bytes=199999-", 199_999, 199_999),
        ("bytes=-1", 199_999, 199_999),
        ("bytes=100-999999", 100, 199_999),
    ] {
        let (status, headers, body) = agent.get(&file, range).await;
        assert_eq!(status, StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(&body[..], &bytes[first..=last], "{range}");
        assert_eq!(headers[CONTENT_RANGE], format!("bytes {first}-{last}/200000"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_single_range_of_this_file_gets_the_whole_or_416() {
    let house = House::build().await;
    let bytes = scan(1000);
    let reference = deposit(&house, &[("note.txt", &bytes)]).await;
    let (agent, file) = (Agent::of(&house).await, format!("/transferts/{reference}/fichiers/1"));

    let (status, _, body) = agent.get(&file, "bytes=0-1,5-6").await;
    assert_eq!((status, body.len()), (StatusCode::OK, 1000), "several ranges");
    let other = [(RANGE.as_str(), "bytes=5-"), (IF_RANGE.as_str(), "\"another\"")];
    let (status, _, body) = agent.ask(Method::GET, &file, &other).await;
    assert_eq!((status, body.len()), (StatusCode::OK, 1000), "another form of the file");

    downloads(&house, 2).await;
    let before = house.events().await;
    let (status, headers, _) = agent.get(&file, "bytes=1000-").await;
    assert_eq!(status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(headers[CONTENT_RANGE], "bytes */1000");
    let head = agent.ask(Method::HEAD, &file, &[(RANGE.as_str(), "bytes=5-")]).await;
    assert_eq!((head.0, &head.1[CONTENT_LENGTH]), (StatusCode::OK, &"1000".parse().unwrap()));
    assert!(head.1.contains_key(ETAG) && head.1.contains_key(ACCEPT_RANGES));
    assert_eq!(house.events().await, before, "nothing was sent, so nothing was downloaded");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_tells_its_length_and_goes_on_where_it_was_cut() {
    let house = House::build().await;
    let reference = deposit(&house, &[("un.tiff", &scan(300_000)), ("deux.tiff", &scan(150_001))]).await;
    let (agent, zip) = (Agent::of(&house).await, format!("/transferts/{reference}/tout.zip"));
    let (status, headers, whole) = agent.ask(Method::GET, &zip, &[]).await;
    assert_eq!((status, headers[ACCEPT_RANGES].to_str().unwrap()), (StatusCode::OK, "bytes"));
    assert_eq!(headers[CONTENT_LENGTH], whole.len().to_string());
    let (tag, size) = (headers[ETAG].to_str().unwrap().to_owned(), whole.len());

    // Within a file, in a file's header, in the directory at the end.
    for (before, first) in (1..).zip([1, 100_000, 300_100, 449_000, size - 30]) {
        downloads(&house, before).await;
        let asked = [(RANGE.as_str(), &*format!("bytes={first}-")), (IF_RANGE.as_str(), &*tag)];
        let (status, headers, rest) = agent.ask(Method::GET, &zip, &asked).await;
        assert_eq!(status, StatusCode::PARTIAL_CONTENT, "{first}");
        assert_eq!(headers[CONTENT_RANGE], format!("bytes {first}-{}/{size}", size - 1));
        assert!(rest == whole[first..], "from {first}");
    }
    let told = downloads(&house, 6).await;
    let read = told.iter().map(|event| event.detail.unwrap()).collect::<Vec<_>>();
    let cut =
        |from: usize| Detail::Stretch { from: ByteSize(from as u64), bytes: ByteSize((size - from) as u64) };
    assert_eq!(read[..2], [Detail::Bytes(ByteSize(size as u64)), cut(1)], "each with where it began");

    let other = [(RANGE.as_str(), "bytes=5-"), (IF_RANGE.as_str(), "\"another\"")];
    let (status, _, again) = agent.ask(Method::GET, &zip, &other).await;
    assert_eq!(
        (status, again == whole),
        (StatusCode::OK, true),
        "another form of it: the whole, the same bytes"
    );
    let (status, headers, _) = agent.get(&zip, &format!("bytes={size}-")).await;
    assert_eq!(status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(headers[CONTENT_RANGE], format!("bytes */{size}"));
    let (_, headers, nothing) = agent.ask(Method::HEAD, &zip, &[]).await;
    assert_eq!((headers[CONTENT_LENGTH].to_str().unwrap(), nothing.len()), (&*size.to_string(), 0));
    let (_, headers, _) = agent.ask(Method::HEAD, &format!("/transferts/{reference}/fichiers/1"), &[]).await;
    assert_ne!(headers[ETAG], tag);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_archive_has_every_file_under_its_name_and_the_list_of_their_digests() {
    let house = House::build().await;
    let files: [(&str, &[u8]); 3] = [
        ("Été à l'hôtel – 社.pdf", b"%PDF-1.7 un"),
        ("plan.pdf", &scan(300_000)),
        ("empreintes-sha256.txt", b"ce nom est pris"),
    ];
    let draft = house.draft().await;
    for (name, bytes) in files {
        house.add_file(&draft, name, bytes).await;
    }
    let reference = house.send(&draft, "Demande urgente").await.unwrap().reference;
    let in_folders = deposit_in_folders(&house).await;
    let agent = Agent::of(&house).await;
    let (_, headers, body) =
        agent.ask(Method::GET, &format!("/transferts/{in_folders}/fichiers/1"), &[]).await;
    assert_eq!(&body[..], b"%PDF-1.7 deux");
    let named = headers["content-disposition"].to_str().unwrap();
    assert!(named.contains("filename=\"avis.pdf\""), "alone, it has its own name: {named}");
    let (_, _, body) = agent.ask(Method::GET, &format!("/transferts/{in_folders}/tout.zip"), &[]).await;
    let mut archive = ZipArchive::new(Cursor::new(body)).unwrap();
    let mut inside = String::new();
    archive.by_name("dossier/pièces/avis.pdf").unwrap().read_to_string(&mut inside).unwrap();
    assert_eq!(inside, "%PDF-1.7 deux", "together, they have their folders");
    assert!(
        !is_found_below(house.directory.path(), "pièces".as_bytes()),
        "which are sealed like their content"
    );

    let (status, _, body) = agent.ask(Method::GET, &format!("/transferts/{reference}/tout.zip"), &[]).await;
    assert_eq!(status, StatusCode::OK);
    let sent = body.len() as u64;

    let mut archive = ZipArchive::new(Cursor::new(body)).unwrap();
    let mut found = std::collections::BTreeMap::new();
    for place in 0..archive.len() {
        let mut entry = archive.by_index(place).unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        assert_eq!(entry.size(), bytes.len() as u64, "the size that the directory has");
        found.insert(entry.name().to_owned(), bytes);
    }
    let list = String::from_utf8(found.remove("empreintes-sha256.txt").unwrap()).unwrap();
    assert_eq!(found[files[0].0], files[0].1);
    assert_eq!(found["plan.pdf"], files[1].1);
    assert_eq!(found["empreintes-sha256 (2).txt"], b"ce nom est pris");
    assert!(found.contains_key("message.txt"));
    let expected: Vec<String> =
        found.iter().map(|(name, bytes)| format!("{}  {name}", Digest::of(bytes).to_hex())).collect();
    let mut listed: Vec<&str> = list.lines().collect();
    listed.sort_by_key(|line| line[66..].to_owned());
    assert_eq!(listed, expected, "as sha256sum writes it: every file, and nothing else");

    let told = downloads(&house, 3).await;
    assert_eq!(told.last().unwrap().detail, Some(Detail::Bytes(ByteSize(sent))));
}
