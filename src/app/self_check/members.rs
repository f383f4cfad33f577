//! The part of the walk that people of the house and their recipients take: a transfer is opened, dispatched with a note,
//! answered; what was sent is opened outside, by a mailed code and by a told password, and answered back.

use super::{DEPOSITOR, VISITOR, Walk, address, new_mailbox, secret_after};
use crate::app::{
    AppError, DispatchOrder, LinkOpened, NewAccount, OpenedDraft, OutgoingSending, SecondStep, Sending,
    Signed,
};
use crate::audit::Origin;
use crate::identity::{Password, Role};
use crate::mailbox::{Custody, Mailbox};
use crate::transfer::TellDownloads;
use crate::value::{AccountId, Language, MailAddress, OrganisationId, Reference, SecretBytes, Token};

const AGENT: &str = "agent@controle.invalid";
const COLLEAGUE: &str = "agence@controle.invalid";
const STRANGER: &str = "ailleurs@dehors.example";

impl Walk<'_> {
    /// A deposit is read, passed on and answered; returns the secrets that lie in the letters and cookies.
    pub(super) async fn members(
        &self,
        mailbox: &Mailbox,
        reference: &Reference,
    ) -> Result<Vec<String>, AppError> {
        let agent = self.account(AGENT, mailbox).await?;
        let agency = self.agency(mailbox.organisation, agent).await?;
        let signed = self.sign_in().await?;
        let mut secrets = vec![self.password(), signed.cookie.expose()];
        self.read(&signed, reference).await?;
        let order = DispatchOrder { to: agency.id, copy_to: Some(address(COLLEAGUE)?), note: self.message() };
        let dispatched = self.app.dispatch(&signed, reference, &order, VISITOR).await;
        dispatched.map_err(|_| AppError::Broken("a marked transfer was not dispatched"))?;

        let draft = self.app.begin_answer(&signed, reference, true, VISITOR).await;
        let draft = draft.map_err(|_| AppError::Broken("no answer was begun"))?;
        self.file(&draft).await?;
        self.send_out(&signed, &draft, None).await?;
        let (link, opened) = self.open_by_code().await?;
        secrets.extend([link, opened.cookie.expose()]);
        self.reply(&opened).await?;

        let draft = self.app.begin_composing(&signed, &mailbox.slug, VISITOR).await;
        let draft = draft.map_err(|_| AppError::Broken("nothing was composed"))?;
        self.file(&draft).await?;
        self.send_out(&signed, &draft, Some(self.password())).await?;
        let link = self.newest_link(STRANGER).await?;
        let token = Token::parse(&link).ok_or(AppError::Broken("link"))?;
        let opened = self.app.open_by_password(&token, Password::new(self.password()), VISITOR).await;
        let opened = opened.map_err(|_| AppError::Broken("the told password opens nothing"))?;
        secrets.extend([link, opened.cookie.expose()]);
        Ok(secrets)
    }

    fn message(&self) -> SecretBytes {
        SecretBytes::new(self.marker.as_bytes().to_vec())
    }

    /// Of no list of bad passwords.
    fn password(&self) -> String {
        format!("{} {}", &self.marker[..12], &self.marker[12..])
    }

    async fn account(&self, who: &str, mailbox: &Mailbox) -> Result<AccountId, AppError> {
        let new = NewAccount {
            address: address(who)?,
            name: "Contrôle".into(),
            role: Role::Agent,
            organisation: Some(mailbox.organisation),
            partner: None,
            mailboxes: vec![mailbox.id],
            password: Password::new(self.password()).ok_or(AppError::Broken("password"))?,
            language: Language::Fr,
        };
        let account = self.app.create_account(new, Origin::Job).await?.id;
        if self.app.terms_in_force().is_some() {
            self.app.record_terms(account, Origin::Job).await?;
        }
        Ok(account)
    }

    /// A mailbox that its members keep.
    async fn agency(&self, organisation: OrganisationId, agent: AccountId) -> Result<Mailbox, AppError> {
        let kept = new_mailbox(organisation, "agence", Custody::Members, vec![agent]);
        let agency = self.app.create_mailbox(kept?, Origin::Job).await?;
        self.account(COLLEAGUE, &agency).await?;
        Ok(agency)
    }

    async fn sign_in(&self) -> Result<Signed, AppError> {
        let typed = Password::new(self.password());
        let cookie = self.app.sign_in(Some(address(AGENT)?), typed, VISITOR).await;
        let cookie = cookie.map_err(|_| AppError::Broken("nobody could sign in"))?;
        self.app.signed(&cookie, VISITOR).await?.ok_or(AppError::Broken("nobody is signed in"))
    }

    async fn read(&self, signed: &Signed, reference: &Reference) -> Result<(), AppError> {
        let unread = |_| AppError::Broken("a marked transfer was not opened");
        self.app.open_transfer(signed, reference, VISITOR).await.map_err(unread)?;
        let opened = self.app.opened_transfer(Some(signed), reference, VISITOR).await.map_err(unread)?;
        let download = self.app.begin_download(signed, &opened, Some(1), VISITOR).await?;
        let message = self.app.message(&opened).await?;
        self.app
            .end_download(&download, None, None, crate::value::ByteSize(message.expose().len() as u64))
            .await
    }

    /// Sends what a member made; with a told password to a stranger, else to whom it answers.
    async fn send_out(
        &self,
        signed: &Signed,
        draft: &OpenedDraft,
        told: Option<String>,
    ) -> Result<(), AppError> {
        let sending = OutgoingSending {
            title: "Demande urgente".into(),
            message: self.message(),
            recipients: STRANGER.into(),
            days: None,
            tell_downloads: Some(TellDownloads::Every),
            note: String::new(),
            told_chars: told.as_ref().map_or(0, |told| told.chars().count()),
            told: told.and_then(Password::new),
        };
        let sent = self.app.send_outgoing(signed, self.view(draft).await?, sending, VISITOR).await;
        sent.map(drop).map_err(|_| AppError::Broken("what a member sends was refused"))
    }

    /// The recipient of the answer follows the link and types the code.
    async fn open_by_code(&self) -> Result<(String, LinkOpened), AppError> {
        let link = self.newest_link(DEPOSITOR).await?;
        let token = Token::parse(&link).ok_or(AppError::Broken("link"))?;
        let asked = self.app.ask_to_open(&token, VISITOR).await;
        let Ok(SecondStep::Code { browser }) = asked else {
            return Err(AppError::Broken("no code was mailed"));
        };
        self.app.deliver_due_mails().await?;
        let code = self.letters.all().iter().rev().find_map(|letter| code_of(letter));
        let code = code.ok_or(AppError::Broken("no code came"))?;
        let opened = self.app.open_by_code(&token, &browser, &code, VISITOR).await;
        Ok((link, opened.map_err(|_| AppError::Broken("the code opens nothing"))?))
    }

    async fn reply(&self, opened: &LinkOpened) -> Result<(), AppError> {
        let reader = self.app.outside_reader(opened.link, &opened.cookie, VISITOR).await?;
        let reader = reader.ok_or(AppError::Broken("nobody reads outside"))?;
        let draft = self.app.begin_reply(&reader, VISITOR).await?;
        self.file(&draft).await?;
        let sending = Sending::new("Demande urgente".into(), self.message());
        let sent = self.app.accept_deposit(self.view(&draft).await?, sending, VISITOR).await;
        sent.map(drop).map_err(|_| AppError::Broken("a marked reply was refused"))
    }

    /// The link in the newest letter to an address outside.
    async fn newest_link(&self, to: &str) -> Result<String, AppError> {
        self.app.deliver_due_mails().await?;
        let to: MailAddress = address(to)?;
        let letters = self.letters.all();
        let mine =
            letters.iter().rev().filter(|letter| String::from_utf8_lossy(letter).contains(&to.to_string()));
        let mut links = mine.filter_map(|letter| secret_after(letter, "/plis/lien/"));
        links.next().ok_or(AppError::Broken("no link was mailed"))
    }
}

/// A code as letters write it: two groups of four digits.
fn code_of(letter: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(letter).replace("=\r\n", "");
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_group = |word: &str| word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit());
    words.windows(2).find(|pair| is_group(pair[0]) && is_group(pair[1])).map(|pair| pair.join(" "))
}
