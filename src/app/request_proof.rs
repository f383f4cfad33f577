//! A depositor asks for a link to the deposit form (D2, D3). The answer never depends on who asks, and the same work
//! is done for an address that may not deposit as for one that may (invariant 8).

use super::letters::NewLetter;
use super::people::AddressStanding;
use super::ports::{Key, List, SecretName, UnitOfWork};
use super::{App, AppError, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome, RefusalReason};
use crate::identity::{AddressProof, Agreement, CODE_TRIES, PROOF_LIFE, Partner, ProofCode, ProofPurpose};
use crate::mailbox::Mailbox;
use crate::relay::letter::{Letter, LetterKind, SecretText};
use crate::value::{DraftId, Language, MailAddress, ProofId, Timestamp, Token};

/// How many agreements of one mailbox are read.
const AGREEMENTS_MAX: usize = 1000;

/// What the browser that asked gets, whoever asked.
#[derive(Debug)]
pub struct ProofAsked {
    /// The proof's id, for the page that takes the typed code.
    pub proof: ProofId,
    /// The cookie that binds the typed code to this browser.
    pub browser: Token,
}

impl App {
    /// Asks for a link and a code. A mail goes out only when an agreement in force admits the address.
    pub async fn request_proof(
        &self,
        mailbox: &Mailbox,
        address: MailAddress,
        language: Language,
        visitor: Visitor,
    ) -> Result<ProofAsked, AppError> {
        self.request_proof_for(mailbox, address, language, None, visitor).await
    }

    /// As [`App::request_proof`], for a draft that is there already or for a new one.
    pub(super) async fn request_proof_for(
        &self,
        mailbox: &Mailbox,
        address: MailAddress,
        language: Language,
        draft: Option<DraftId>,
        visitor: Visitor,
    ) -> Result<ProofAsked, AppError> {
        let now = self.believed_now()?;
        let admitted = self.admitted_partner(mailbox, &address, now).await?;
        let (token, browser) = (Token::new(self.random.bytes()), Token::new(self.random.bytes()));
        let (id, code) = (ProofId::new(self.random.bytes()), ProofCode::new(self.random.bytes()));

        let mut unit = UnitOfWork::default();
        // The name of one who may not deposit is not kept: anybody can type anybody's address.
        let person = match &admitted {
            Some(_) => self.note_person(&mut unit, &address, now)?,
            None => self.person_of(&address)?,
        };
        let letter = self.deposit_link(mailbox, &token, &code, now).await?;
        // Sealed also for who may not deposit: the work is the same, only the sending is left out.
        let mail = self.write_letter(&NewLetter {
            kind: LetterKind::DepositLink,
            letter: &letter,
            to: &address,
            language,
            mailbox: Some(mailbox.id),
            transfer: None,
            written_at: now,
        })?;
        let refused = Outcome::Refused(RefusalReason::AddressNotAdmitted);
        let outcome = if admitted.is_some() { Outcome::Done } else { refused };
        let asked = event(
            now,
            Actor::Person(person),
            Action::DepositProofRequested,
            Object::Proof(id),
            outcome,
            visitor.web(),
        );
        self.log(&mut unit, asked.under(self.policies.load().digest))?;
        if admitted.is_some() {
            self.queue_mail(&mut unit, mail, visitor.web())?;
        }
        unit.put(AddressProof {
            id,
            token: token.hash(),
            code: code.digest(&self.keyring.secret(SecretName::Codes)?, id),
            tries_left: CODE_TRIES,
            browser: browser.hash(),
            mailbox: mailbox.id,
            address,
            person,
            partner: admitted.map(|partner| partner.id),
            language,
            asked_at: now,
            purpose: ProofPurpose::Deposit { draft },
        });
        self.store.commit(unit).await?;
        self.wake_delivery();
        Ok(ProofAsked { proof: id, browser })
    }

    /// The partner whose agreement with the mailbox, in force now, admits the address (D3). Reads the same records
    /// whoever asks.
    pub(super) async fn admitted_partner(
        &self,
        mailbox: &Mailbox,
        address: &MailAddress,
        now: Timestamp,
    ) -> Result<Option<Partner>, AppError> {
        let agreements: Vec<(Agreement, u64)> =
            self.read_list(&List::AgreementsOf(mailbox.id), AGREEMENTS_MAX).await?;
        let standing = self.standing_of(address).await?;
        let technicien_of = match standing {
            AddressStanding::Technicien(partner) => Some(partner),
            AddressStanding::Open | AddressStanding::Barred => None,
        };
        let mut admitted = None;
        for (agreement, _) in agreements {
            let Some((partner, _)) = self.read::<Partner>(&Key::Partner(agreement.partner)).await? else {
                continue;
            };
            if mailbox.takes_deposits()
                && standing != AddressStanding::Barred
                && agreement.admits(&partner, address, technicien_of, now.day())
                && admitted.is_none()
            {
                admitted = Some(partner);
            }
        }
        Ok(admitted)
    }

    async fn deposit_link(
        &self,
        mailbox: &Mailbox,
        token: &Token,
        code: &ProofCode,
        now: Timestamp,
    ) -> Result<Letter, AppError> {
        Ok(Letter::DepositLink {
            mailbox_name: mailbox.name.clone(),
            organisation_name: self.organisation_of(mailbox).await?.name,
            path: SecretText::new(format!("/depot/lien/{}", token.expose())),
            code: SecretText::new(code.expose().to_owned()),
            starts_until: now + PROOF_LIFE,
        })
    }
}
