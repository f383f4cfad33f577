//! A deposit by the page (D1 to D5, D9).

use pli::app::{DepositRefusal, FileRefusal, OpenDraftError};
use pli::transfer::DraftError;
use pli::value::{ByteSize, Language, Token};

use crate::house::{DEPOSITOR, House, address, mail_text, visitor};

#[tokio::test]
async fn what_is_deposited_comes_out_as_it_went_in_and_lies_nowhere_in_clear() {
    let house = House::build().await;
    let draft = house.draft().await;
    let scan: Vec<u8> = (0..400_000_u32).map(|n| u8::try_from(n * 7 % 251).unwrap()).collect();
    house.add_file(&draft, "scan – pièce n° 1.pdf", &scan).await;
    house.add_file(&draft, "marqueur-dans-le-nom.txt", b"MARQUEUR-DANS-LE-FICHIER").await;
    let reference = house.send(&draft, "Demande urgente").await.unwrap().reference;

    let signed = house.sign_in("agent@carsat.example").await;
    house.app.open_transfer(&signed, &reference, visitor()).await.unwrap();
    let opened = house.app.opened_transfer(Some(&signed), &reference, visitor()).await.unwrap();
    let names: Vec<_> = opened.files().into_iter().map(|file| file.name).collect();
    assert_eq!(names, ["scan – pièce n° 1.pdf", "marqueur-dans-le-nom.txt"]);
    assert_eq!(house.app.message(&opened).await.unwrap().expose(), b"Bonjour, dossier urgent.");
    assert_eq!(house.download(&signed, &reference, 1).await, scan);
    assert_eq!(house.download(&signed, &reference, 2).await, b"MARQUEUR-DANS-LE-FICHIER");
    for marker in ["MARQUEUR-DANS-LE-FICHIER", "marqueur-dans-le-nom", "dossier urgent", "pièce n° 1"] {
        assert!(!crate::house::is_found_below(house.directory.path(), marker.as_bytes()), "{marker}");
    }
}

#[tokio::test]
async fn the_acknowledgement_and_the_notice_leave_with_nothing_of_the_sealed_part() {
    let house = House::build().await;
    let reference = house.deposit().await;
    let to_depositor = house.mails_to(DEPOSITOR).await;
    let acknowledgement = mail_text(to_depositor.iter().find(|mail| mail.contains("auto-replied")).unwrap());
    let notice = mail_text(&house.mails_to("balc-pensions@carsat.example").await.pop().unwrap());
    for mail in [&acknowledgement, &notice] {
        assert!(mail.contains(reference.as_str()));
        assert!(mail.contains("Demande urgente"));
        assert!(!mail.contains("avis de situation") && !mail.contains("dossier urgent"), "{mail}");
    }
    assert!(notice.contains(&format!("https://pli.example/transferts/{reference}")));
    assert!(notice.contains(DEPOSITOR) && notice.contains("Département"));
}

#[tokio::test]
async fn sending_twice_gets_the_same_reference_and_one_transfer() {
    let house = House::build().await;
    let draft = house.draft().await;
    let (first, second) =
        tokio::join!(house.send(&draft, "Demande urgente"), house.send(&draft, "Demande urgente"));
    let third = house.send(&draft, "Urgence CD35").await.unwrap();
    assert_eq!(first.unwrap(), third);
    assert_eq!(second.unwrap(), third);
    assert_eq!(house.transfers().await, 1);
}

#[tokio::test]
async fn a_refused_title_keeps_the_draft_and_a_clean_one_sends_it() {
    let house = House::build().await;
    let draft = house.draft().await;
    house.add_file(&draft, "a.pdf", b"%PDF-1.7").await;
    let refused = house.send(&draft, "Dossier 1 84 06 35 288 118 22").await;
    let Err(DepositRefusal::Title(refusal)) = refused else { panic!("a social security number passed") };
    assert!(!refusal.suggestion().as_str().contains("288"));
    assert!(house.send(&draft, refusal.suggestion().as_str()).await.is_ok());
}

#[tokio::test]
async fn an_empty_deposit_and_an_empty_file_are_told_so_and_the_draft_goes_on() {
    let house = House::build().await;
    let draft = house.draft().await;
    let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    let nothing = house.app.begin_file(view, "vide.pdf", visitor()).await.unwrap().finish().await;
    assert!(matches!(nothing, Err(FileRefusal::Empty)));
    let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    let message = pli::value::SecretBytes::new(b" \n".to_vec());
    let sending = pli::app::Sending::new("Demande urgente".into(), message);
    let refused = house.app.accept_deposit(view, sending, visitor()).await;
    assert!(matches!(refused, Err(DepositRefusal::Empty)));
    assert!(house.send(&draft, "Demande urgente").await.is_ok());
}

#[tokio::test]
async fn two_uploads_at_once_cannot_pass_together_what_one_could_not() {
    let house = House::build().await;
    let draft = house.draft().await;
    let begin = async || {
        let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
        house.app.begin_file(view, "a.bin", visitor()).await.unwrap()
    };
    let (mut one, mut two) = (begin().await, begin().await);
    one.push(&vec![1; 900_000]).await.unwrap();
    two.push(&vec![2; 900_000]).await.unwrap();
    assert!(one.finish().await.is_ok());
    let refused = two.finish().await;
    let limit = DraftError::DepositTooLarge { limit: ByteSize(1_500_000), actual: ByteSize(1_800_000) };
    assert!(matches!(refused, Err(FileRefusal::Draft(error)) if error == limit));
    let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    assert_eq!(view.draft.total_size(), ByteSize(900_000));
}

#[tokio::test]
async fn the_link_pressed_twice_or_in_a_second_browser_opens_the_same_draft_in_both() {
    let house = House::build().await;
    house.app.request_proof(&house.pensions, address(DEPOSITOR), Language::Fr, visitor()).await.unwrap();
    let mail = mail_text(&house.mails_to(DEPOSITOR).await.pop().unwrap());
    let token = mail.split("/depot/lien/").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let token = Token::parse(&token).unwrap();
    let open = || house.app.open_draft_by_link(&token, visitor());
    let (one, two) = tokio::join!(open(), open());
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.draft, two.draft);
    for browser in [&one, &two] {
        assert!(house.app.draft(browser.draft, &browser.token).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn the_typed_code_opens_the_draft_in_the_browser_that_asked_and_nowhere_else() {
    let house = House::build().await;
    let asked =
        house.app.request_proof(&house.pensions, address(DEPOSITOR), Language::En, visitor()).await.unwrap();
    let mail = mail_text(&house.mails_to(DEPOSITOR).await.pop().unwrap());
    let typed = mail.lines().filter_map(|line| line.rsplit_once(": ")).map(|(_, rest)| rest.trim());
    let code =
        typed.into_iter().find(|text| text.replace(' ', "").parse::<u32>().is_ok()).unwrap().to_owned();
    let elsewhere = house.app.open_draft_by_code(asked.proof, &Token::new([9; 32]), &code, visitor()).await;
    assert!(matches!(elsewhere, Err(OpenDraftError::NotGood)));
    let wrong = house.app.open_draft_by_code(asked.proof, &asked.browser, "00000000", visitor()).await;
    assert!(matches!(wrong, Err(OpenDraftError::WrongCode { tries_left: 4 })));
    assert!(house.app.open_draft_by_code(asked.proof, &asked.browser, &code, visitor()).await.is_ok());
}
