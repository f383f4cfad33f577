//! Resumable uploads over the pages' routes: the tus 1.0 protocol as transcripts, and what becomes of the bytes.

use axum::body::{Body, to_bytes};
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE, RETRY_AFTER};
use axum::http::{HeaderMap, Request};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use futures_util::stream;
use pli::app::ports::{Change, Key, List, Record, UnitOfWork};
use pli::app::{Append, DepositRefusal, NewUpload, Scanning};
use pli::audit::{Action, RefusalReason};
use pli::config::ScannerSection;
use pli::mailbox::DepositLimits;
use pli::scanner::{Clamd, ClamdAddress, ClamdSettings, TemporaryDirectory};
use pli::transfer::{DRAFT_LIFE, UploadState};
use pli::value::{ByteSize, Digest, DraftId, Millis, Token, UploadId};
use pli::web::{WebConfig, router};
use tower::ServiceExt as _;

use crate::house::{House, is_found_below, visitor};

type Draft = (DraftId, Token);

const OCTETS: (&str, &str) = ("content-type", "application/offset+octet-stream");
const MIB: usize = 1024 * 1024;

struct Told {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Told {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    fn offset(&self) -> u64 {
        self.header("upload-offset").parse().unwrap()
    }
}

/// A house whose mailbox takes files of this size.
async fn house(file: usize) -> House {
    let mut house = House::build().await;
    let file = ByteSize(file as u64);
    let hourly = ByteSize(file.bytes() * 4);
    house.pensions.limits = DepositLimits { file, deposit: ByteSize(file.bytes() * 2), files: 3, hourly };
    let changes = vec![Change::Put(Record::Mailbox(house.pensions.clone()))];
    house.app.store.commit(UnitOfWork { changes, ..UnitOfWork::default() }).await.unwrap();
    house
}

fn uploads(draft: &Draft) -> String {
    format!("/depot/carsat/pensions/brouillon/{}/fichiers/tus", draft.0)
}

async fn ask(
    house: &House,
    draft: &Draft,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Body,
) -> Told {
    let cookie = format!("pli_draft_{}={}", &draft.0.to_string()[..12], draft.1.expose());
    let mut request = Request::builder().method(method).uri(path);
    request = request.header(COOKIE, cookie).header(ACCEPT_LANGUAGE, "fr").header("tus-resumable", "1.0.0");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    tell(house, request.body(body).unwrap()).await
}

async fn tell(house: &House, request: Request<Body>) -> Told {
    let pages = router(house.app.clone(), WebConfig { secure_cookies: false, demo: None });
    let response = pages.oneshot(request).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = to_bytes(response.into_body(), 10_000_000).await.unwrap();
    Told { status, headers, body: String::from_utf8(body.to_vec()).unwrap() }
}

async fn create(house: &House, draft: &Draft, path: &str, length: usize) -> Told {
    let (length, metadata) = (length.to_string(), format!("relativePath {}", BASE64.encode(path)));
    let headers = [("upload-length", length.as_str()), ("upload-metadata", metadata.as_str())];
    ask(house, draft, "POST", &uploads(draft), &headers, Body::empty()).await
}

async fn begin(house: &House, draft: &Draft, length: usize) -> String {
    let told = create(house, draft, "dossier/avis.pdf", length).await;
    assert_eq!(told.status, 201, "{}", told.body);
    told.header("location").to_owned()
}

async fn patch(house: &House, draft: &Draft, upload: &str, offset: usize, bytes: &[u8]) -> Told {
    let (offset, length) = (offset.to_string(), bytes.len().to_string());
    let headers = [OCTETS, ("upload-offset", offset.as_str()), ("content-length", length.as_str())];
    ask(house, draft, "PATCH", upload, &headers, Body::from(bytes.to_vec())).await
}

async fn head(house: &House, draft: &Draft, upload: &str) -> Told {
    ask(house, draft, "HEAD", upload, &[], Body::empty()).await
}

/// Bytes unlike one another, so that nothing put in the wrong place goes unseen.
fn file(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut bytes = b"%PDF-1.7 ".to_vec();
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

async fn record(house: &House, draft: &Draft, upload: &str) -> pli::transfer::Upload {
    let id: UploadId = upload.rsplit('/').next().unwrap().parse().unwrap();
    let Some(Record::Upload(upload)) = house.record(&Key::Upload((draft.0, id))).await else {
        panic!("no record")
    };
    upload
}

/// Sends the deposit and reads its only file as the agent gets it.
async fn delivered(house: &House, draft: &Draft) -> (String, Vec<u8>) {
    let reference = house.send(draft, "Demande urgente").await.unwrap().reference;
    let agent = house.sign_in("agent@carsat.example").await;
    let opened = house.app.opened_transfer(Some(&agent), &reference, visitor()).await.unwrap();
    let name = opened.files()[0].name.clone();
    (name, house.download(&agent, &reference, 1).await)
}

async fn refusals(house: &House) -> Vec<RefusalReason> {
    let leaves = house.app.store.leaves(0, 100_000).await.unwrap();
    let events = leaves.into_iter().map(|leaf| leaf.entry.unwrap().event().unwrap());
    let refused = events.filter(|event| event.action == Action::FileRefused);
    refused
        .filter_map(|event| match event.outcome {
            pli::audit::Outcome::Refused(reason) => Some(reason),
            _ => None,
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_in_pieces_becomes_one_file_with_its_path_and_its_digest() {
    let house = house(4 * MIB).await;
    let draft = house.draft().await;
    let file = file(3 * MIB + 5);
    let upload = begin(&house, &draft, file.len()).await;
    assert_eq!(head(&house, &draft, &upload).await.offset(), 0);
    let mut at = 0;
    for piece in [1, 700_000, 65_536, 1, file.len()] {
        let end = (at + piece).min(file.len());
        let told = patch(&house, &draft, &upload, at, &file[at..end]).await;
        assert_eq!((told.status, told.offset()), (204, end as u64), "{}", told.body);
        assert!(told.header("upload-expires").ends_with(" GMT"));
        at = end;
    }
    let whole = head(&house, &draft, &upload).await;
    assert_eq!(whole.header("cache-control"), "no-store", "as the protocol asks of HEAD");
    assert_eq!(
        (whole.offset(), whole.header("upload-length")),
        (file.len() as u64, file.len().to_string().as_str())
    );
    let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    let listed = house.app.listed_files(&view.draft).unwrap();
    assert_eq!((listed[0].name.as_str(), listed[0].digest), ("dossier/avis.pdf", Digest::of(&file)));
    assert_eq!(delivered(&house, &draft).await, ("dossier/avis.pdf".to_owned(), file));
    let events = house.events().await;
    assert!(events.contains(&Action::UploadBegun) && events.contains(&Action::FileSealed));
    assert_eq!(head(&house, &draft, &upload).await.status, 410, "what was sent takes nothing more");
}

#[tokio::test]
async fn discovery_needs_no_version_and_tells_what_is_true() {
    let house = house(4 * MIB).await;
    let draft = house.draft().await;
    let stranger = Request::builder().method("OPTIONS").uri(uploads(&draft)).body(Body::empty()).unwrap();
    let told = tell(&house, stranger).await;
    assert_eq!(told.status, 204);
    assert_eq!(told.header("tus-version"), "1.0.0");
    assert_eq!(told.header("tus-extension"), "creation,creation-with-upload,checksum,expiration,termination");
    assert_eq!(told.header("tus-checksum-algorithm"), "sha256,sha1");
    assert_eq!(told.header("tus-max-size"), "", "limits are for who may upload");
    let told = ask(&house, &draft, "OPTIONS", &uploads(&draft), &[], Body::empty()).await;
    assert_eq!(told.header("tus-max-size"), (4 * MIB).to_string());
}

#[tokio::test]
async fn another_version_is_told_which_one_is_spoken() {
    let house = house(MIB).await;
    let draft = house.draft().await;
    let old = Request::builder().method("POST").uri(uploads(&draft)).header("tus-resumable", "0.2.2");
    let told = tell(&house, old.body(Body::empty()).unwrap()).await;
    assert_eq!((told.status, told.header("tus-version")), (412, "1.0.0"));
}

#[tokio::test]
async fn nobody_without_the_cookie_of_the_draft_reaches_an_upload() {
    let house = house(MIB).await;
    let draft = house.draft().await;
    let upload = begin(&house, &draft, 100).await;
    let stranger = (draft.0, Token::new([9; 32]));
    assert_eq!(head(&house, &stranger, &upload).await.status, 410);
    assert_eq!(patch(&house, &stranger, &upload, 0, b"x").await.status, 410);
    let forged = [OCTETS, ("upload-offset", "0"), ("sec-fetch-site", "cross-site")];
    assert_eq!(ask(&house, &draft, "PATCH", &upload, &forged, Body::from("x")).await.status, 403);
    let overriding = [("x-http-method-override", "DELETE")];
    assert_eq!(ask(&house, &draft, "GET", &upload, &overriding, Body::empty()).await.status, 405);
    assert_eq!(head(&house, &draft, &upload).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn creation_with_upload_takes_bytes_at_once() {
    let house = house(MIB).await;
    let draft = house.draft().await;
    let headers = [OCTETS, ("upload-length", "11"), ("content-length", "5")];
    let told = ask(&house, &draft, "POST", &uploads(&draft), &headers, Body::from("hello")).await;
    assert_eq!((told.status, told.offset()), (201, 5));
    let upload = told.header("location").to_owned();
    assert_eq!(patch(&house, &draft, &upload, 5, b" world").await.offset(), 11);
    assert_eq!(delivered(&house, &draft).await.1, b"hello world");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_before_the_line_broke_is_kept() {
    let house = house(4 * MIB).await;
    let draft = house.draft().await;
    let file = file(2 * MIB);
    let upload = begin(&house, &draft, file.len()).await;
    for (from, to) in [(0, 100_000), (100_000, 1_500_000)] {
        let pieces = file[from..to].chunks(40_000).map(|piece| Ok(Bytes::copy_from_slice(piece)));
        let broken = pieces.chain([Err(std::io::Error::other("the line broke"))]).collect::<Vec<_>>();
        let offset = from.to_string();
        let headers = [OCTETS, ("upload-offset", offset.as_str())];
        ask(&house, &draft, "PATCH", &upload, &headers, Body::from_stream(stream::iter(broken))).await;
        assert_eq!(head(&house, &draft, &upload).await.offset(), to as u64);
    }
    assert_eq!(patch(&house, &draft, &upload, 1_500_000, &file[1_500_000..]).await.status, 204);
    assert_eq!(delivered(&house, &draft).await.1, file);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_do_not_belong_are_refused_and_change_nothing() {
    let house = house(MIB).await;
    let draft = house.draft().await;
    let upload = begin(&house, &draft, 10).await;
    assert_eq!(patch(&house, &draft, &upload, 0, b"12345").await.status, 204);
    assert_eq!(patch(&house, &draft, &upload, 0, b"12345").await.status, 409, "sent twice");
    assert_eq!(patch(&house, &draft, &upload, 6, b"7890").await.status, 409, "a hole");
    assert_eq!(patch(&house, &draft, &upload, 5, b"678901").await.status, 413, "more than announced");
    let chunked = [OCTETS, ("upload-offset", "5")];
    let told = ask(&house, &draft, "PATCH", &upload, &chunked, Body::from("678901")).await;
    assert_eq!(told.status, 413, "more than announced, without saying so");
    let wrong = [("content-type", "text/plain"), ("upload-offset", "5")];
    assert_eq!(ask(&house, &draft, "PATCH", &upload, &wrong, Body::from("6")).await.status, 415);
    let unknown = format!("{}/{}", uploads(&draft), UploadId::new([7; 16]));
    assert_eq!(patch(&house, &draft, &unknown, 0, b"1").await.status, 404);
    assert_eq!(patch(&house, &draft, &format!("{}/x", uploads(&draft)), 0, b"1").await.status, 404);
    assert_eq!(head(&house, &draft, &upload).await.offset(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_with_a_wrong_checksum_are_not_kept() {
    let house = house(2 * MIB).await;
    let draft = house.draft().await;
    let file = file(MIB);
    let upload = begin(&house, &draft, file.len()).await;
    let announce = |checksum: String| {
        let (house, draft, upload, file) = (&house, &draft, &upload, file.clone());
        async move {
            let headers = [OCTETS, ("upload-offset", "0"), ("upload-checksum", checksum.as_str())];
            ask(house, draft, "PATCH", upload, &headers, Body::from(file)).await
        }
    };
    let wrong = announce(format!("sha256 {}", Digest::of(b"something else"))).await;
    assert_eq!((wrong.status, head(&house, &draft, &upload).await.offset()), (460, 0));
    assert_eq!(announce("crc32 AAAA".to_owned()).await.status, 400);
    let right = announce(format!("sha256 {}", Digest::of(&file))).await;
    assert_eq!((right.status, right.offset()), (204, file.len() as u64));
    assert_eq!(delivered(&house, &draft).await.1, file);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_writes_and_who_asks_ends_the_one_that_stalls() {
    let house = house(2 * MIB).await;
    let draft = house.draft().await;
    let file = file(MIB);
    let upload = begin(&house, &draft, file.len()).await;
    let id: UploadId = upload.rsplit('/').next().unwrap().parse().unwrap();
    let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    let append = Append { offset: ByteSize(0), length: None, checksum: None };
    let mut stalled = house.app.append_to_upload(view, id, append, visitor()).await.unwrap();
    assert!(stalled.push(Bytes::copy_from_slice(&file[..500_000])).await);
    assert_eq!(patch(&house, &draft, &upload, 0, &file).await.status, 423, "one writes");
    // A client whose line is lost asks how far it is: what came by the dead line is kept, and the line is given up.
    let offset = loop {
        let offset = head(&house, &draft, &upload).await.offset();
        if offset > 0 || !stalled.push(Bytes::from_static(b"late")).await {
            break offset;
        }
    };
    let told = patch(
        &house,
        &draft,
        &upload,
        usize::try_from(offset).unwrap(),
        &file[usize::try_from(offset).unwrap()..],
    );
    assert_eq!(told.await.status, 204);
    assert!(stalled.finish().await.is_err(), "the stalled request is told that it was taken over");
    assert_eq!(delivered(&house, &draft).await.1, file);
}

/// What the page of the mailbox says before anything is uploaded.
async fn told_before(house: &House) -> String {
    let page = Request::builder().uri("/depot/carsat/pensions").header(ACCEPT_LANGUAGE, "fr");
    tell(house, page.body(Body::empty()).unwrap()).await.body.replace('\u{a0}', " ")
}

#[tokio::test]
async fn a_file_of_ten_gibibytes_is_taken_and_one_byte_more_is_refused_in_words() {
    const MOST: usize = 10 << 30;
    let mut house = House::build().await;
    house.pensions.limits = DepositLimits::default();
    let changes = vec![Change::Put(Record::Mailbox(house.pensions.clone()))];
    house.app.store.commit(UnitOfWork { changes, ..UnitOfWork::default() }).await.unwrap();
    let page = told_before(&house).await;
    assert!(page.contains("Jusqu’à 200 fichiers, 10,7 Go au plus chacun"), "{page}");

    let draft = house.draft().await;
    let options = ask(&house, &draft, "OPTIONS", &uploads(&draft), &[], Body::empty()).await;
    assert_eq!(options.header("tus-max-size"), MOST.to_string());
    let over = create(&house, &draft, "film.mp4", MOST + 1).await;
    assert_eq!(over.status, 413);
    let told = over.body.replace('\u{a0}', " ");
    assert!(told.contains("« film.mp4 » pèse 10,7 Go. La limite pour un fichier est de 10,7 Go."), "{told}");
    assert_eq!(refusals(&house).await, [RefusalReason::TooLarge]);
    let upload = begin(&house, &draft, MOST).await;
    assert_eq!(patch(&house, &draft, &upload, 0, b"%PDF-1.7 ").await.offset(), 9, "and it takes bytes");
    assert_eq!(head(&house, &draft, &upload).await.header("upload-length"), MOST.to_string());
}

#[tokio::test]
async fn with_a_scanner_the_page_names_its_limit_below_two_gigabytes() {
    let section = ScannerSection::default();
    let largest = ByteSize::mebibytes(u64::from(section.file_max_mib));
    assert!(largest < ByteSize(2_000_000_000));
    let scanner = Clamd::new(ClamdSettings {
        address: ClamdAddress::Unix("/nonexistent/clamd.ctl".into()),
        temporary_directory: TemporaryDirectory::new("/nonexistent".into()),
        largest,
        streams_at_once: 1,
        step_within: std::time::Duration::from_secs(1),
        verdict_within: std::time::Duration::from_secs(1),
    });
    let scanning = Scanning { scanner: std::sync::Arc::new(scanner), signatures_max_age: None };
    let mut house = House::build_with(Some(scanning)).await;
    house.pensions.limits = DepositLimits::default();
    let changes = vec![Change::Put(Record::Mailbox(house.pensions.clone()))];
    house.app.store.commit(UnitOfWork { changes, ..UnitOfWork::default() }).await.unwrap();
    let page = told_before(&house).await;
    assert!(page.contains("1 Go au plus chacun"), "{page}");
    let draft = house.draft().await;
    let over = create(&house, &draft, "film.mp4", 2_000_000_000).await;
    assert_eq!(over.status, 413);
    let told = over.body.replace('\u{a0}', " ");
    assert!(told.contains("« film.mp4 » pèse 2 Go. La limite pour un fichier est de 1 Go."), "{told}");
    let largest = usize::try_from(largest.bytes()).unwrap();
    assert_eq!(create(&house, &draft, "film.mp4", largest).await.status, 201);
}

#[tokio::test]
async fn uploads_side_by_side_cannot_pass_the_limits_together() {
    let house = house(MIB).await;
    let draft = house.draft().await;
    let too_large = create(&house, &draft, "grand.pdf", MIB + 1).await;
    assert_eq!(too_large.status, 413);
    assert!(too_large.body.contains("grand.pdf") && too_large.body.contains("limite"), "{}", too_large.body);
    let first = begin(&house, &draft, MIB).await;
    begin(&house, &draft, MIB - 1).await;
    let over = create(&house, &draft, "trop.pdf", 2).await;
    assert_eq!(over.status, 413);
    assert!(over.body.contains("trop.pdf") && over.body.contains("dépôt"), "{}", over.body);
    begin(&house, &draft, 1).await;
    let many = create(&house, &draft, "encore.pdf", 1).await;
    assert!(many.status == 413 && many.body.contains("3 fichiers"), "{}", many.body);
    assert_eq!(create(&house, &draft, "vide.pdf", 0).await.status, 400);
    assert_eq!(
        refusals(&house).await,
        [
            RefusalReason::TooLarge,
            RefusalReason::TooLarge,
            RefusalReason::TooMany,
            RefusalReason::NothingSent
        ]
    );
    // Given up, its room is there again.
    assert_eq!(ask(&house, &draft, "DELETE", &first, &[], Body::empty()).await.status, 204);
    assert_eq!(head(&house, &draft, &first).await.status, 404);
    assert_eq!(create(&house, &draft, "encore.pdf", 2).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_too_much_in_an_hour_waits_and_then_goes_on() {
    let house = house(MIB).await;
    let one = house.draft().await;
    let file = file(MIB);
    for _ in 0..4 {
        let upload = begin(&house, &one, MIB).await;
        assert_eq!(patch(&house, &one, &upload, 0, &file).await.status, 204);
        assert_eq!(ask(&house, &one, "DELETE", &upload, &[], Body::empty()).await.status, 204);
    }
    let told = create(&house, &one, "encore.pdf", MIB).await;
    assert_eq!(told.status, 429);
    let wait: i64 = told.headers[RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!((60..=3600).contains(&wait), "{wait}");
    assert!(told.body.contains("Réessayez"), "{}", told.body);
    assert_eq!(refusals(&house).await, [RefusalReason::RateLimited]);
    house.clock.advance(Millis(wait * 1000));
    let upload = begin(&house, &one, MIB).await;
    // What came before the pace was passed is kept, and goes on later.
    let told = patch(&house, &one, &upload, 0, &file).await;
    let offset = head(&house, &one, &upload).await.offset();
    assert!(told.status == 204 || (told.status == 429 && offset < MIB as u64), "{} at {offset}", told.status);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_waits_for_files_that_came_in_part() {
    let house = house(MIB).await;
    let draft = house.draft().await;
    let upload = begin(&house, &draft, 10).await;
    patch(&house, &draft, &upload, 0, b"12345").await;
    let refused = house.send(&draft, "Demande urgente").await;
    let Err(DepositRefusal::Unfinished { name }) = refused else { panic!("{refused:?}") };
    assert_eq!(name, "dossier/avis.pdf");
    let path = uploads(&draft).replace("/fichiers/tus", "");
    let page = ask(&house, &draft, "GET", &path, &[], Body::empty()).await.body;
    assert!(page.contains("50\u{a0}% reçus") && page.contains("name=\"drop\""), "the page lists it");
    patch(&house, &draft, &upload, 5, b"67890").await;
    assert_eq!(delivered(&house, &draft).await.1, b"1234567890");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_cut_into_crumbs_is_folded_into_few_segments() {
    let house = house(MIB).await;
    let draft = house.draft().await;
    let file = file(150);
    let upload = begin(&house, &draft, file.len()).await;
    for at in 0..file.len() - 1 {
        assert_eq!(patch(&house, &draft, &upload, at, &file[at..=at]).await.status, 204);
    }
    let UploadState::Receiving { segments, .. } = record(&house, &draft, &upload).await.state else {
        panic!()
    };
    assert!(segments.len() <= 8, "{} segments", segments.len());
    patch(&house, &draft, &upload, 149, &file[149..]).await;
    assert_eq!(delivered(&house, &draft).await.1, file);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_gateway_was_writing_is_sealed_again_and_goes_on() {
    let house = house(8 * MIB).await;
    let draft = house.draft().await;
    let marker = b"Madame Synthetique 2 55 05 35 238 001 22";
    let mut file = file(6 * MIB);
    for at in (1000..file.len() - 100).step_by(30_000) {
        file[at..at + marker.len()].copy_from_slice(marker);
    }
    let upload = begin(&house, &draft, file.len()).await;
    let id: UploadId = upload.rsplit('/').next().unwrap().parse().unwrap();
    let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    // A runtime that ends in the middle, as the process does: nothing is finished in order.
    let (app, sent) = (house.app.clone(), file[..4 * MIB].to_vec());
    let killed = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        runtime.block_on(async {
            let append = Append { offset: ByteSize(0), length: None, checksum: None };
            let mut appending = app.append_to_upload(view, id, append, visitor()).await.unwrap();
            for piece in sent.chunks(50_000) {
                assert!(appending.push(Bytes::copy_from_slice(piece)).await);
            }
            // Kept alive until the runtime is gone, so that the line does not look broken.
            std::mem::forget(appending);
        });
        runtime.shutdown_background();
    });
    killed.join().unwrap();
    let before = record(&house, &draft, &upload).await;
    assert_eq!(before.offset(), ByteSize(0), "nothing was acknowledged");
    assert!(matches!(before.state, UploadState::Receiving { open: Some(_), .. }));
    assert!(!is_found_below(house.directory.path(), marker), "in clear on the disk");

    let told = head(&house, &draft, &upload).await;
    let offset = usize::try_from(told.offset()).unwrap();
    assert!(offset <= 4 * MIB && offset + MIB >= 4 * MIB, "{} bytes were lost", 4 * MIB - offset);
    assert_eq!(patch(&house, &draft, &upload, offset, &file[offset..]).await.status, 204);
    assert!(house.events().await.contains(&Action::UploadRecovered));
    assert_eq!(delivered(&house, &draft).await.1, file);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_put_in_place_of_a_segment_is_not_taken_up() {
    let house = house(8 * MIB).await;
    let draft = house.draft().await;
    let upload = begin(&house, &draft, 4 * MIB).await;
    let mut left = record(&house, &draft, &upload).await;
    let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    // Sealed to the right recipient, which anybody may know: but not what was begun.
    let forged = pli::vault::seal(&view.draft.recipient, &file(300_000)).unwrap();
    let (object, mut writer) = house.app.objects.create_kept(pli::value::Day(20_778)).await.unwrap();
    writer.write(forged.as_bytes()).await.unwrap();
    writer.finish().await.unwrap();
    if let UploadState::Receiving { open, .. } = &mut left.state {
        *open = Some(pli::transfer::OpenSegment { object, binding: Digest::of(b"what was begun") });
    }
    let changes = vec![Change::Put(Record::Upload(left))];
    house.app.store.commit(UnitOfWork { changes, ..UnitOfWork::default() }).await.unwrap();
    assert_eq!(head(&house, &draft, &upload).await.offset(), 0);
    let leaves = house.app.store.leaves(0, 100_000).await.unwrap();
    let event = leaves.last().unwrap().entry.as_ref().unwrap().event().unwrap();
    let damaged = pli::audit::Outcome::Failed(pli::audit::FailureReason::SealDamaged);
    assert_eq!((event.action, event.outcome), (Action::UploadRecovered, damaged));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_that_is_given_up_leaves_nothing_of_its_uploads() {
    let house = house(4 * MIB).await;
    let draft = house.draft().await;
    let upload = begin(&house, &draft, 2 * MIB).await;
    patch(&house, &draft, &upload, 0, &file(MIB)).await;
    let UploadState::Receiving { segments, .. } = record(&house, &draft, &upload).await.state else {
        panic!()
    };
    house.clock.advance(DRAFT_LIFE);
    house.app.upkeep().await.unwrap();
    assert!(house.app.store.list(&List::UploadsOf(draft.0), 10).await.unwrap().is_empty());
    for kept in segments {
        assert!(house.app.objects.open(&kept.object).await.is_err());
    }
    assert_eq!(head(&house, &draft, &upload).await.status, 410);
}

#[tokio::test]
async fn an_upload_without_a_name_or_with_a_wild_one_gets_a_clean_one() {
    let house = house(MIB).await;
    let draft = house.draft().await;
    let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    let path = "../../../etc/\u{202e}fdp.exe".to_owned();
    let new = NewUpload { path, fingerprint: "x".repeat(5000), length: ByteSize(1) };
    house.app.begin_upload(view, new, visitor()).await.unwrap();
    let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    let listed = house.app.unfinished_uploads(&view.draft).await.unwrap();
    assert_eq!((listed[0].path.as_str(), listed[0].fingerprint.as_str()), ("etc/fdp.exe", ""));
}
