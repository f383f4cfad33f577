//! `Scanner`: a verdict is about what was pushed, an error is none, and nothing is streamed to where it would not stay in
//! memory. Against the real `clamd`, and against one that hangs, breaks off or talks nonsense.

#[path = "../tools/clamd.rs"]
mod clamd;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use pli::app::ports::{Scanner, ScannerError};
use pli::content::AntivirusAnswer;
use pli::scanner::{Clamd, ClamdAddress, ClamdSettings, TemporaryDirectory};
use pli::value::ByteSize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use clamd::{LARGEST_MIB, PrivateClamd, eicar, marker};

fn settings(address: ClamdAddress, temporary: &Path) -> ClamdSettings {
    ClamdSettings {
        address,
        temporary_directory: TemporaryDirectory::new(temporary.to_owned()),
        largest: ByteSize::mebibytes(LARGEST_MIB),
        streams_at_once: 2,
        step_within: Duration::from_secs(20),
        verdict_within: Duration::from_mins(1),
    }
}

fn client(clamd: &PrivateClamd) -> Clamd {
    Clamd::new(settings(ClamdAddress::Unix(clamd.socket()), &clamd.temporary_directory()))
}

async fn scan(scanner: &dyn Scanner, bytes: &[u8]) -> Result<AntivirusAnswer, ScannerError> {
    let mut stream = scanner.begin().await?;
    for piece in bytes.chunks(70_001) {
        stream.push(piece).await?;
    }
    stream.finish().await
}

fn is_infected(answer: &AntivirusAnswer, by: &str) -> bool {
    matches!(answer, AntivirusAnswer::Infected { signature } if signature.starts_with(by))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_one_knows_what_it_knows_and_no_more() {
    let clamd = PrivateClamd::start();
    let scanner = client(&clamd);
    let state = scanner.state().await.unwrap();
    assert!(state.engine.starts_with("ClamAV "), "{state:?}");
    assert_eq!(state.signed_at, None, "signatures made by hand have no date, and none is made up");

    assert_eq!(scan(&scanner, b"Madame Exemple").await.unwrap(), AntivirusAnswer::Clean);
    assert_eq!(scan(&scanner, b"").await.unwrap(), AntivirusAnswer::Clean);
    assert!(is_infected(&scan(&scanner, &eicar()).await.unwrap(), "Eicar-Test"));
    let late = [vec![b' '; 3_000_000], marker(), vec![b' '; 1_000_000]].concat();
    assert!(is_infected(&scan(&scanner, &late).await.unwrap(), "Pli.Test.Marker"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_or_not_seen_is_not_called_clean() {
    let clamd = PrivateClamd::start();
    let scanner = client(&clamd);
    let piece = vec![b'x'; 1024 * 1024];
    let mut stream = scanner.begin().await.unwrap();
    let mut outcome = Ok(());
    for _ in 0..=LARGEST_MIB {
        outcome = stream.push(&piece).await;
        if outcome.is_err() {
            break;
        }
    }
    assert!(matches!(outcome, Err(ScannerError::TooLarge { .. })));

    // A setting that says more than clamd takes: its own refusal is heard.
    let mut wrong = settings(ClamdAddress::Unix(clamd.socket()), &clamd.temporary_directory());
    wrong.largest = ByteSize::mebibytes(2 * LARGEST_MIB);
    let outcome = scan(&Clamd::new(wrong), &vec![b'x'; 101 * 1024 * 1024]).await;
    assert!(
        matches!(outcome, Err(ScannerError::TooLarge { .. } | ScannerError::Unavailable(_))),
        "{outcome:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_dies_in_mid_stream_judges_nothing_and_judges_again_when_it_is_back() {
    let mut clamd = PrivateClamd::start();
    let scanner = client(&clamd);
    let mut stream = scanner.begin().await.unwrap();
    stream.push(&marker()).await.unwrap();
    clamd.kill();
    let (mut outcome, more) = (Ok(()), vec![b'x'; 100_000]);
    for _ in 0..100 {
        outcome = stream.push(&more).await;
        if outcome.is_err() {
            break;
        }
    }
    assert!(matches!(outcome, Err(ScannerError::Unavailable(_))), "{outcome:?}");
    assert!(matches!(scanner.state().await, Err(ScannerError::Unavailable(_))));
    clamd.start_again();
    assert!(is_infected(&scan(&scanner, &marker()).await.unwrap(), "Pli.Test.Marker"));
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_at_once_are_bounded_and_a_place_is_given_back() {
    let clamd = PrivateClamd::start();
    let scanner = client(&clamd);
    let first = scanner.begin().await.unwrap();
    let second = scanner.begin().await.unwrap();
    assert!(scanner.begin_now().await.unwrap().is_none());
    drop(first);
    let third = scanner.begin_now().await.unwrap().expect("a place was given back");
    drop((second, third));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_streamed_where_it_would_reach_a_disk_or_other_eyes() {
    let clamd = PrivateClamd::start();
    let open_to_others = clamd.temporary_directory();
    fs::set_permissions(&open_to_others, fs::Permissions::from_mode(0o750)).unwrap();
    let refused = |place: &Path| Clamd::new(settings(ClamdAddress::Unix(clamd.socket()), place));
    let on_disk = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    fs::set_permissions(on_disk.path(), fs::Permissions::from_mode(0o700)).unwrap();
    for place in [open_to_others.as_path(), on_disk.path(), Path::new("/nowhere")] {
        let scanner = refused(place);
        assert!(matches!(scanner.state().await, Err(ScannerError::TemporaryDirectory { .. })), "{place:?}");
        assert!(matches!(scanner.begin().await.err(), Some(ScannerError::TemporaryDirectory { .. })));
        assert!(matches!(scanner.begin_now().await.err(), Some(ScannerError::TemporaryDirectory { .. })));
    }
}

/// What a broken one does with a connection.
#[derive(Clone, Copy)]
enum Broken {
    /// Takes nothing and says nothing.
    Hangs,
    /// Closes at once.
    Closes,
    /// Reads everything, then answers this.
    Answers(&'static [u8]),
    /// Never ends its answer.
    Floods,
}

async fn broken(how: Broken) -> String {
    let listener = TcpListener::bind("localhost:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(serve(connection, how));
        }
    });
    address
}

async fn serve(mut connection: TcpStream, how: Broken) {
    match how {
        Broken::Hangs => std::future::pending().await,
        Broken::Closes => {}
        Broken::Answers(answer) => {
            let mut seen = Vec::new();
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = connection.read(&mut buffer).await {
                seen.extend_from_slice(&buffer[..count]);
                if seen.ends_with(&[0; 4]) || seen == *b"zVERSION\0" {
                    break;
                }
            }
            let _ = connection.write_all(answer).await;
        }
        Broken::Floods => while connection.write_all(&[b'x'; 4096]).await.is_ok() {},
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_breaks_off_or_talks_nonsense_gives_no_verdict() {
    let clamd = PrivateClamd::start();
    for how in
        [Broken::Hangs, Broken::Closes, Broken::Answers(b"Bonjour\0"), Broken::Answers(b""), Broken::Floods]
    {
        let address = ClamdAddress::Tcp(broken(how).await);
        let mut settings = settings(address, &clamd.temporary_directory());
        settings.step_within = Duration::from_millis(300);
        settings.verdict_within = Duration::from_millis(300);
        let scanner = Clamd::new(settings);
        assert!(scanner.state().await.is_err());
        assert!(scan(&scanner, &vec![b'x'; 20_000_000]).await.is_err());
        assert!(scan(&scanner, b"x").await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_comes_over_tcp_as_well() {
    let clamd = PrivateClamd::start();
    let address = ClamdAddress::Tcp(broken(Broken::Answers(b"stream: Some.Name FOUND\0")).await);
    let scanner = Clamd::new(settings(address, &clamd.temporary_directory()));
    assert!(is_infected(&scan(&scanner, b"x").await.unwrap(), "Some.Name"));
    let address =
        ClamdAddress::Tcp(broken(Broken::Answers(b"ClamAV 1.4.6/27829/Fri Nov 20 08:26:32 2026\0")).await);
    let state = Clamd::new(settings(address, &clamd.temporary_directory())).state().await.unwrap();
    assert_eq!(state.signatures, Some(27829));
}
