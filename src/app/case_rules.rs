//! What an agent must know of a case before answering it, and what the agent adds to it: who is answered by the agreement, the
//! form and the person's wish (T5, T6); the register's codes of a case that came without a form (T7); the mediator (T5).

use super::case::CaseError;
use super::letters::NewLetter;
use super::ports::{Key, UnitOfWork};
use super::{App, AppError, CONFLICT_TRIES, OpenError, Signed, Visitor, event};
use crate::audit::{Action, Actor, Event, Object, Outcome, RefusalReason};
use crate::identity::{Agreement, AgreementTerms, AnswerTo, Partner};
use crate::mailbox::Mailbox;
use crate::policy::form::RegisterRole;
use crate::policy::partner_answer::{AnswerFacts, PartnerAnswer};
use crate::policy::register::AGENT_LIST;
use crate::relay::letter::{Letter, LetterKind, ReminderLetter, ReminderTopic};
use crate::transfer::{Escalation, EscalationReason, FormCodes, Reminder, Step, Transfer};
use crate::value::{Language, PartnerId, Reference, words};

/// What is said of a case beside where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseRules {
    /// Whether the partner is answered.
    pub answer: PartnerAnswer,
    /// What that was decided by.
    pub facts: AnswerFacts,
    /// The title of an answer to the partner, where the agreement gives one (D5).
    pub answer_title: Option<String>,
    /// The mediator's mailbox by name, where the agreement names one that does not have the case.
    pub mediator: Option<String>,
    /// The partner's sites, where an agent may enter the register's codes: the case came without a form.
    pub coded_by_agent: Option<Vec<String>>,
}

/// The codes that an agent enters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaseCodes {
    /// One of the partner's sites; none when it is not known.
    pub site: Option<String>,
    /// What the case is about.
    pub kinds: Vec<String>,
    /// Why it is asked.
    pub reason: Option<String>,
    /// Whether the partner asks for a copy of the answer; none where the mail does not say (T6).
    pub copy_to_partner: Option<bool>,
    /// Whether the person wishes that the professional be informed, as the mail says it or the person said it by telephone; none
    /// where that is not known (T6).
    pub inform_professional: Option<bool>,
}

/// What a change of a case makes of it, or none when it does not fit; with a mail that goes out along with it.
type Changed = Option<(Transfer, Option<NewMail>)>;

/// What an agent adds to a case.
#[derive(Clone, Copy)]
enum Addition<'a> {
    /// The register's codes.
    Codes(&'a CaseCodes),
    /// That the mediator is told.
    Escalation(EscalationReason),
}

impl Addition<'_> {
    /// What the log tells of it, and the rule that says no.
    const fn told(self) -> (Action, RefusalReason) {
        match self {
            Self::Codes(_) => (Action::TransferCoded, RefusalReason::FormIncomplete),
            Self::Escalation(_) => (Action::TransferEscalated, RefusalReason::StateNotFitting),
        }
    }
}

struct NewMail {
    letter: Letter,
    to: Mailbox,
}

impl App {
    /// What is said of a case beside where it stands, for who may see its envelope.
    pub async fn case_rules(&self, transfer: &Transfer) -> Result<CaseRules, AppError> {
        let terms = self.terms_of(transfer).await?;
        let facts = facts_of(transfer, &terms);
        let mediator = match self.mediator_of(transfer, &terms).await? {
            Some(mailbox) if transfer.case.escalated.is_none() => Some(mailbox.name),
            _ => None,
        };
        let coded_by_agent =
            if is_coded_by_agent(transfer) { Some(self.sites_of(transfer).await?) } else { None };
        Ok(CaseRules {
            answer: PartnerAnswer::of(facts),
            facts,
            answer_title: terms.answer_title.clone(),
            mediator,
            coded_by_agent,
        })
    }

    /// Whether the partner who deposited a transfer is answered.
    pub(super) async fn partner_answer(&self, transfer: &Transfer) -> Result<PartnerAnswer, AppError> {
        Ok(PartnerAnswer::of(facts_of(transfer, &self.terms_of(transfer).await?)))
    }

    /// The title that an answer to a transfer is offered: the agreement's, where it gives one (D5, T5).
    pub async fn agreed_answer_title(&self, answered: &Reference) -> Result<Option<String>, AppError> {
        let list = super::ports::List::TransferByReference(answered.clone());
        let found: Option<(Transfer, u64)> = self.read_one(&list).await?;
        match found {
            Some((transfer, _)) => Ok(self.terms_of(&transfer).await?.answer_title),
            None => Ok(None),
        }
    }

    /// Enters the register's codes of a case that came without a form; again, when they were wrong.
    pub async fn code_case(
        &self,
        signed: &Signed,
        reference: &Reference,
        codes: &CaseCodes,
        visitor: Visitor,
    ) -> Result<(), CaseError> {
        self.change_transfer(signed, reference, Addition::Codes(codes), visitor).await
    }

    /// Tells the mediator's mailbox of a blocked or sensitive case (T5). It opens nothing by that: an agent dispatches the case
    /// there.
    pub async fn escalate(
        &self,
        signed: &Signed,
        reference: &Reference,
        reason: EscalationReason,
        visitor: Visitor,
    ) -> Result<(), CaseError> {
        self.change_transfer(signed, reference, Addition::Escalation(reason), visitor).await
    }

    /// The transfer with what is added to it.
    async fn with_addition(
        &self,
        mut transfer: Transfer,
        addition: Addition<'_>,
        step: Step,
    ) -> Result<Changed, AppError> {
        match addition {
            Addition::Codes(codes) => {
                let sites = self.sites_of(&transfer).await?;
                let codes = is_coded_by_agent(&transfer).then(|| self.codes_of(codes, &sites)).flatten();
                let Some(codes) = codes else { return Ok(None) };
                transfer.form = Some(Box::new(codes));
                Ok(Some((transfer, None)))
            }
            Addition::Escalation(reason) => {
                let terms = self.terms_of(&transfer).await?;
                let mediator = self.mediator_of(&transfer, &terms).await?;
                let mediator = mediator.filter(|_| transfer.case.escalated.is_none());
                let Some(mediator) = mediator else { return Ok(None) };
                transfer.case.escalated = Some(Escalation { step, reason });
                // The clock need not tell the mediator once more.
                transfer.case.told.insert(Reminder::Mediator);
                let holder = self.name_of_mailbox(transfer.current_holder()).await?;
                let letter = Letter::Reminder(escalated(&transfer, reason, holder));
                Ok(Some((transfer, Some(NewMail { letter, to: mediator }))))
            }
        }
    }

    /// Changes a deposit that the person may read, in one commit with its event; tried anew when somebody else was quicker.
    async fn change_transfer(
        &self,
        signed: &Signed,
        reference: &Reference,
        addition: Addition<'_>,
        visitor: Visitor,
    ) -> Result<(), CaseError> {
        let (action, refusal) = addition.told();
        for _ in 0..CONFLICT_TRIES {
            let permitted = self.permitted(Some(signed), reference, visitor).await?;
            let found: Option<(Transfer, u64)> = self.read(&Key::Transfer(permitted.subject().id)).await?;
            let (transfer, version) = found.ok_or(OpenError::Gone)?;
            let now = self.believed_now()?;
            let object = Object::Transfer { transfer: transfer.id, mailbox: transfer.current_holder() };
            let partner = transfer.depositor.partner;
            let told = |outcome| -> Event {
                let actor = Actor::Person(signed.account.person);
                event(now, actor, action, object, outcome, visitor.web())
                    .under(self.policies.load().digest)
                    .concerning(partner)
            };
            let step = Step { at: now, by: signed.account.id };
            let is_deposit = transfer.outgoing.is_none();
            let changed = if is_deposit { self.with_addition(transfer, addition, step).await? } else { None };
            let Some((transfer, mail)) = changed else {
                self.log_alone(told(Outcome::Refused(refusal))).await?;
                return Err(CaseError::NotFitting);
            };
            let mut unit = UnitOfWork::default();
            unit.expect_unchanged(Key::Transfer(transfer.id), version);
            self.log(&mut unit, told(Outcome::Done))?;
            let goes_out = mail.is_some();
            if let Some(NewMail { letter, to }) = mail {
                let mail = self.write_letter(&NewLetter {
                    kind: LetterKind::Reminder,
                    letter: &letter,
                    to: &to.notice_address,
                    language: Language::Fr,
                    mailbox: Some(to.id),
                    transfer: Some(transfer.id),
                    written_at: now,
                })?;
                self.queue_mail(&mut unit, mail.requiring_tls(transfer.requires_tls()), visitor.web())?;
            }
            unit.put(transfer);
            match self.store.commit(unit).await.map_err(AppError::from) {
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(error.into()),
                Ok(_) => {
                    if goes_out {
                        self.wake_delivery();
                    }
                    return Ok(());
                }
            }
        }
        Err(AppError::Contended.into())
    }

    /// The terms under which a transfer was deposited; the usual ones of who has no agreement any more.
    async fn terms_of(&self, transfer: &Transfer) -> Result<AgreementTerms, AppError> {
        let Some(partner) = transfer.depositor.partner else { return Ok(AgreementTerms::default()) };
        let found: Option<(Agreement, u64)> = self.read(&Key::Agreement((transfer.mailbox, partner))).await?;
        Ok(found.map(|(agreement, _)| agreement.terms).unwrap_or_default())
    }

    /// The mediator's mailbox, unless it has the case itself.
    async fn mediator_of(
        &self,
        transfer: &Transfer,
        terms: &AgreementTerms,
    ) -> Result<Option<Mailbox>, AppError> {
        let Some(id) = terms.mediator.filter(|id| *id != transfer.current_holder()) else { return Ok(None) };
        let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(id)).await?;
        Ok(found.map(|(mailbox, _)| mailbox))
    }

    /// The codes of a form, with the name of the site in the place of what a register of structures knows it by: as the
    /// partner calls it, else as the form does.
    pub(super) async fn site_named(
        &self,
        form: Option<Box<FormCodes>>,
        partner: Option<PartnerId>,
    ) -> Result<Option<Box<FormCodes>>, AppError> {
        let Some(mut form) = form else { return Ok(None) };
        let Some(code) = form.site.take() else { return Ok(Some(form)) };
        let found: Option<(Partner, u64)> = match partner {
            Some(partner) => self.read(&Key::Partner(partner)).await?,
            None => None,
        };
        let sites = found.map(|(partner, _)| partner.sites).unwrap_or_default();
        let named = sites.into_iter().find(|site| site.siret.as_deref() == Some(code.as_str()));
        let policies = self.policies.load();
        let of_form = policies.forms.label_of(&form.form, RegisterRole::Site, &code, Language::Fr);
        form.site = Some(named.map(|site| site.name).or(of_form.map(str::to_owned)).unwrap_or(code));
        Ok(Some(form))
    }

    async fn sites_of(&self, transfer: &Transfer) -> Result<Vec<String>, AppError> {
        let Some(partner) = transfer.depositor.partner else { return Ok(Vec::new()) };
        let found: Option<(Partner, u64)> = self.read(&Key::Partner(partner)).await?;
        let sites = found.map(|(partner, _)| partner.sites).unwrap_or_default();
        let mut names: Vec<String> = sites.into_iter().map(|site| site.name).collect();
        names.sort();
        Ok(names)
    }

    /// The codes as they are kept; none when one of them stands in no list.
    fn codes_of(&self, typed: &CaseCodes, sites: &[String]) -> Option<FormCodes> {
        let policies = self.policies.load();
        let is_kind = |code: &String| policies.register.kinds().iter().any(|kind| kind.code == *code);
        let is_reason = |code: &String| policies.register.reasons().iter().any(|reason| reason.code == *code);
        let is_site = |site: &String| sites.iter().any(|known| words::folded(known) == words::folded(site));
        let all_known = typed.kinds.iter().all(is_kind)
            && typed.reason.iter().all(is_reason)
            && typed.site.iter().all(is_site);
        all_known.then(|| FormCodes {
            form: AGENT_LIST.to_owned(),
            site: typed.site.clone(),
            kinds: typed.kinds.clone(),
            reason: typed.reason.clone(),
            copy_to_partner: typed.copy_to_partner,
            inform_professional: typed.inform_professional,
        })
    }
}

/// Whether its codes are an agent's to enter: it came without a form.
fn is_coded_by_agent(transfer: &Transfer) -> bool {
    transfer.outgoing.is_none() && transfer.form.as_ref().is_none_or(|form| form.form == AGENT_LIST)
}

fn facts_of(transfer: &Transfer, terms: &AgreementTerms) -> AnswerFacts {
    let form = transfer.form.as_ref();
    AnswerFacts {
        answers_person: terms.answer_to == AnswerTo::Person,
        copy_to_partner: form.and_then(|form| form.copy_to_partner),
        inform_professional: form.and_then(|form| form.inform_professional),
    }
}

fn escalated(transfer: &Transfer, reason: EscalationReason, mailbox_name: String) -> ReminderLetter {
    ReminderLetter {
        topic: match reason {
            EscalationReason::Blocked => ReminderTopic::Blocked,
            EscalationReason::Sensitive => ReminderTopic::Sensitive,
        },
        reference: transfer.reference.clone(),
        mailbox_name,
        title: transfer.title.to_string(),
        partner: transfer.depositor.partner_name.clone(),
        site: transfer.depositor.site.clone(),
        received_at: transfer.received_at,
        due_at: transfer.case.due.answered.unwrap_or(transfer.expires_at),
        can_be_opened_until: transfer.expires_at,
        path: format!("/transferts/{}", transfer.reference),
    }
}
