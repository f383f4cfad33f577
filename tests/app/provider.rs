//! Signing in by the organisation's provider: which account is whose, what is refused, and how the vault of somebody without a password
//! is opened. What a real provider signs is verified in `tests/browser/provider.mjs`.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use pli::app::ports::{IdentityProvider, PendingProvider, ProvidedIdentity, ProviderError, SentToProvider};
use pli::app::{ProviderSignInError, SecretError, SignInError, Signed, TypedProof};
use pli::audit::{Action, Origin};
use pli::identity::{Password, SignInWay};
use pli::value::{Millis, Token};
use zeroize::Zeroizing;

use crate::custody_house::{MEMBER, members_house};
use crate::house::{House, PASSWORD, address, visitor};

const AGENT: &str = "agent@carsat.example";
const PHRASE: &str = "cheval agrafe pile correcte";

/// A provider that vouches for whom it is told to.
struct Vouches(Mutex<Option<ProvidedIdentity>>);

#[async_trait]
impl IdentityProvider for Vouches {
    fn name(&self) -> &'static str {
        "ConnexionTest"
    }

    async fn send(&self, _anew: bool) -> Result<SentToProvider, ProviderError> {
        let (nonce, verifier) = (Zeroizing::new("n".into()), Zeroizing::new("v".into()));
        let pending = PendingProvider { state: "etat".into(), nonce, verifier };
        Ok(SentToProvider { url: "https://fi.example/authorize".into(), pending })
    }

    async fn receive(&self, _code: &str, _left: PendingProvider) -> Result<ProvidedIdentity, ProviderError> {
        self.0.lock().unwrap().clone().ok_or_else(|| ProviderError::NotHeld("nobody".into()))
    }

    async fn sign_out_url(&self, id_token: &str) -> Option<String> {
        Some(format!("https://fi.example/end?id_token_hint={id_token}"))
    }
}

fn identity(subject: &str, email: Option<&str>) -> ProvidedIdentity {
    ProvidedIdentity {
        issuer: "https://fi.example".into(),
        subject: subject.into(),
        verified_email: email.map(address),
        id_token: Zeroizing::new("jeton".into()),
    }
}

struct Desk {
    house: House,
    provider: Arc<Vouches>,
}

impl Desk {
    async fn new() -> Self {
        let house = House::build().await;
        let provider = Arc::new(Vouches(Mutex::default()));
        house.app.use_provider(provider.clone());
        Self { house, provider }
    }

    async fn come(&self, who: Option<ProvidedIdentity>) -> Result<(Signed, Token), ProviderSignInError> {
        *self.provider.0.lock().unwrap() = who;
        let app = &self.house.app;
        let going = app.go_to_provider(Some("/boites".into()), false).await?;
        let back = app.back_from_provider(Some(&going.cookie), "etat", "code", visitor()).await?;
        assert_eq!(back.next.as_deref(), Some("/boites"));
        let signed = app.signed(&back.session, visitor()).await.unwrap().unwrap();
        Ok((signed, back.session))
    }
}

#[tokio::test]
async fn an_address_that_is_vouched_for_links_an_account_once_and_the_subject_finds_it_from_then_on() {
    let desk = Desk::new().await;
    let (signed, session) = desk.come(Some(identity("un", Some(AGENT)))).await.unwrap();
    assert_eq!(
        (signed.session.way, signed.account.address.to_string().as_str()),
        (SignInWay::Provider, AGENT)
    );
    assert!(desk.house.events().await.contains(&Action::ProviderLinked));
    let (again, _) = desk.come(Some(identity("un", Some("mariee@carsat.example")))).await.unwrap();
    assert_eq!(again.account.id, signed.account.id, "the address there changed, the person did not");
    for (subject, email) in
        [("deux", Some(AGENT)), ("trois", None), ("quatre", Some("personne@carsat.example"))]
    {
        let refused = desk.come(Some(identity(subject, email))).await;
        assert!(matches!(refused, Err(ProviderSignInError::NoAccount)), "{subject}");
    }
    let accounts = desk.house.events().await.into_iter().filter(|action| *action == Action::AccountCreated);
    assert_eq!(accounts.count(), 3, "none is made by a sign-in");
    let out = desk.house.app.provider_sign_out(&session).await;
    assert_eq!(out.as_deref(), Some("https://fi.example/end?id_token_hint=jeton"));
    assert!(desk.house.app.provider_sign_out(&session).await.is_none(), "once");
}

#[tokio::test]
async fn only_the_browser_that_left_comes_back_once_with_its_state_and_in_time() {
    let desk = Desk::new().await;
    let app = &desk.house.app;
    *desk.provider.0.lock().unwrap() = Some(identity("un", Some(AGENT)));
    let left = async || app.go_to_provider(None, false).await.unwrap().cookie;
    let back = async |cookie: Option<&Token>, state: &str| {
        app.back_from_provider(cookie, state, "code", visitor()).await.map(|back| back.session)
    };
    let cookie = left().await;
    assert!(back(None, "etat").await.is_err(), "another browser");
    assert!(back(Some(&Token::new([1; 32])), "etat").await.is_err(), "another cookie");
    assert!(back(Some(&cookie), "autre").await.is_err(), "another state");
    assert!(back(Some(&cookie), "etat").await.is_err(), "it was used up by the wrong one");
    let cookie = left().await;
    back(Some(&cookie), "etat").await.unwrap();
    assert!(back(Some(&cookie), "etat").await.is_err(), "twice");
    let late = left().await;
    desk.house.clock.advance(Millis::minutes(10));
    assert!(back(Some(&late), "etat").await.is_err(), "too late");
    assert!(desk.come(None).await.is_err(), "what does not hold");
}

#[tokio::test]
async fn an_account_that_is_cut_off_does_not_come_back_by_the_provider() {
    let desk = Desk::new().await;
    let (signed, _) = desk.come(Some(identity("un", Some(AGENT)))).await.unwrap();
    desk.house.app.cut_off(signed.account.id, Origin::Cli).await.unwrap();
    let refused = desk.come(Some(identity("un", Some(AGENT)))).await;
    assert!(matches!(refused, Err(ProviderSignInError::NoAccount)));
}

#[tokio::test]
async fn who_has_no_password_chooses_a_first_passphrase_and_proves_the_person_by_it() {
    let desk = Desk::new().await;
    let app = &desk.house.app;
    let (signed, _) = desk.come(Some(identity("un", Some(AGENT)))).await.unwrap();
    assert!(!app.has_key_open(&signed));
    let phrase = || Password::new(PHRASE.into());
    app.set_passphrase(&signed, phrase().unwrap(), visitor()).await.unwrap();
    assert!(app.has_key_open(&signed), "the vault is open with it");
    let (later, _) = desk.come(Some(identity("un", Some(AGENT)))).await.unwrap();
    assert!(!app.has_key_open(&later));
    let other = Password::new("pile agrafe cheval correcte".into()).unwrap();
    let stolen = app.set_passphrase(&later, other, visitor()).await;
    assert!(
        matches!(stolen, Err(SecretError::Locked)),
        "the first one is replaced by nobody who does not know it"
    );
    app.unlock(&later, phrase(), visitor()).await.unwrap();
    desk.house.clock.advance(Millis::minutes(20));
    let typed = |password: &str| TypedProof { password: Password::new(password.into()), code: String::new() };
    let wrong = app.prove_again(&later, typed("faux"), visitor()).await;
    assert!(matches!(wrong, Err(SignInError::Refused)));
    app.prove_again(&later, typed(PHRASE), visitor()).await.unwrap();
    let password = desk.house.sign_in(AGENT).await;
    desk.house.clock.advance(Millis::minutes(20));
    assert!(
        app.prove_again(&password, typed(PHRASE), visitor()).await.is_err(),
        "who came by password types that"
    );
    app.prove_again(&password, typed(PASSWORD), visitor()).await.unwrap();
}

#[tokio::test]
async fn a_key_that_opens_a_mailbox_is_not_thrown_away_by_a_first_passphrase() {
    let house = members_house().await;
    let provider = Arc::new(Vouches(Mutex::new(Some(identity("un", Some(MEMBER))))));
    house.app.use_provider(provider);
    let going = house.app.go_to_provider(None, false).await.unwrap();
    let back = house.app.back_from_provider(Some(&going.cookie), "etat", "code", visitor()).await.unwrap();
    let signed = house.app.signed(&back.session, visitor()).await.unwrap().unwrap();
    let phrase = Password::new(PHRASE.into()).unwrap();
    let refused = house.app.set_passphrase(&signed, phrase, visitor()).await;
    assert!(matches!(refused, Err(SecretError::Locked)), "it is opened first, by the password that locks it");
}

#[tokio::test]
async fn who_comes_by_the_provider_is_asked_for_no_new_password_whatever_its_age() {
    let desk = Desk::new().await;
    let mut policies = pli::serve::policies::load(None).unwrap();
    policies.people.terms = None;
    policies.people.password_age = Some(Millis::days(90));
    desk.house.app.policies.store(Arc::new(policies));
    desk.come(Some(identity("un", Some(AGENT)))).await.unwrap();
    desk.house.clock.advance(Millis::days(91));
    desk.come(Some(identity("un", Some(AGENT)))).await.unwrap();
    let password = Password::new(PASSWORD.into());
    let colleague = desk.house.app.sign_in(Some(address("autre@carsat.example")), password, visitor()).await;
    let signed = desk.house.app.signed(&colleague.unwrap(), visitor()).await.unwrap();
    assert!(signed.is_none(), "who has a password changes it first");
}
