//! What becomes of each record that comes back: closed where a note beside the keys says so, voided where it was handed out
//! to somebody, suspended where it is not known whether it left. Each with its event.

use std::collections::{BTreeMap, BTreeSet};

use super::super::administer::right_of;
use super::super::ports::{Record, RestoreReport, UnitOfWork};
use super::super::standing::{agreement_digest, credentials_digest};
use super::super::{App, AppError, event};
use crate::audit::{Action, Actor, Detail, Event, Object, Origin, Outcome};
use crate::identity::{Account, AccountState, Agreement, Partner};
use crate::relay::queue::QueuedMail;
use crate::retention::{KeyName, Standing, Subject, last_standing};
use crate::transfer::Draft;
use crate::value::{Digest, Timestamp};

/// What stands beside the keys, and what was done by it so far.
pub(super) struct Applying {
    pub(super) now: Timestamp,
    pub(super) report: RestoreReport,
    standing: BTreeMap<Subject, Standing>,
    keys: BTreeSet<KeyName>,
}

impl Applying {
    pub(super) fn new(app: &App, now: Timestamp) -> Result<Self, AppError> {
        let notes = app.keyring.standing()?;
        let standing = last_standing(&notes).into_iter().map(|(subject, note)| (subject, note.standing));
        let (standing, keys) = (standing.collect(), app.keyring.names()?);
        Ok(Self { now, report: RestoreReport::default(), standing, keys })
    }

    /// Puts a record into the unit as it may come back, or leaves it out.
    pub(super) fn apply(&mut self, app: &App, unit: &mut UnitOfWork, record: Record) -> Result<(), AppError> {
        let mut told = Vec::new();
        let kept: Option<Record> = match record {
            Record::Account(account) => Some(self.account(account, &mut told)?.into()),
            Record::Partner(partner) => Some(self.partner(partner, &mut told).into()),
            Record::Agreement(agreement) => Some(self.agreement(agreement, &mut told)?.into()),
            Record::Transfer(transfer) if self.is_closed(&Subject::Transfer(transfer.id)) => {
                self.report.transfers_revoked += 1;
                let object = Object::Transfer { transfer: transfer.id, mailbox: transfer.mailbox };
                told.push((Action::TransferRevoked, object, None));
                None
            }
            Record::Held(held) if self.is_closed(&Subject::Transfer(held.id)) => {
                self.report.transfers_revoked += 1;
                let object = Object::Transfer { transfer: held.id, mailbox: held.mailbox };
                told.push((Action::TransferRevoked, object, None));
                None
            }
            Record::Grant(grant) => {
                let (transfer, holder) = (grant.terms.transfer, grant.terms.holder);
                let ended = self.is_closed(&Subject::Grant { transfer, holder })
                    || self.is_closed(&Subject::Transfer(transfer));
                (!ended).then(|| grant.into())
            }
            Record::MemberWrap(wrap) => {
                let membership = Subject::Membership { account: wrap.account, mailbox: wrap.mailbox };
                (!self.is_closed(&membership)).then(|| wrap.into())
            }
            Record::Session(_) => {
                self.report.sessions_ended += 1;
                None
            }
            // Who was sent a link is sent another one.
            Record::Proof(_) | Record::RecipientLink(_) | Record::LinkSession(_) | Record::AccountLink(_) => {
                self.report.links_voided += 1;
                None
            }
            // A token or a password that was revoked since must not come back: partners and people get others, and follow
            // their deposits by mail. Two people who agreed to a recovery agreed to something else: they ask anew.
            Record::ApiClient(_)
            | Record::ApiDeposit(_)
            | Record::MailPassword(_)
            | Record::RecoveryRequest(_) => None,
            Record::Draft(draft) => self.draft(draft, &mut told).map(Record::from),
            Record::Mail(mail) => Some(self.mail(mail, &mut told).into()),
            other => Some(other),
        };
        for (action, object, detail) in told {
            let done = event(self.now, Actor::System, action, object, Outcome::Done, Origin::Cli);
            let done = Event { detail, ..done };
            app.log(unit, done)?;
        }
        unit.changes.extend(kept.map(super::super::ports::Change::Put));
        Ok(())
    }

    fn is_closed(&self, subject: &Subject) -> bool {
        self.standing.get(subject) == Some(&Standing::Closed)
    }

    /// Whether the record is not the one that stood last.
    fn is_other(&self, subject: &Subject, digest: Digest) -> bool {
        match self.standing.get(subject) {
            Some(Standing::Is(last)) => *last != digest,
            Some(Standing::Closed) => true,
            Some(Standing::Open) | None => false,
        }
    }

    /// Cut off where it was, or where what it signed in with has changed since: the old password must not work again.
    fn account(&mut self, mut account: Account, told: &mut Told) -> Result<Account, AppError> {
        let before = account.mailboxes.len();
        let (id, right) = (account.id, right_of(&account));
        account.mailboxes.retain(|mailbox| {
            let removed = self.is_closed(&Subject::Membership { account: id, mailbox: *mailbox });
            if removed {
                told.push((
                    Action::MemberRemoved,
                    Object::Membership { account: id, mailbox: *mailbox },
                    Some(right),
                ));
            }
            !removed
        });
        self.report.memberships_removed += (before - account.mailboxes.len()) as u64;
        let still = &account.mailboxes;
        account.manages.retain(|mailbox| {
            let removed = self.is_closed(&Subject::Manager { account: id, mailbox: *mailbox });
            // Who was removed altogether was told of above.
            if removed && still.contains(mailbox) {
                self.report.managers_removed += 1;
                let object = Object::Membership { account: id, mailbox: *mailbox };
                told.push((Action::RightsChanged, object, Some(right)));
            }
            !removed && still.contains(mailbox)
        });
        let other = self.is_other(&Subject::Credentials(id), credentials_digest(&account)?);
        if account.is_active() && (other || self.is_closed(&Subject::Account(id))) {
            account.state = AccountState::CutOff { since: self.now };
            self.report.accounts_cut_off += 1;
            told.push((Action::AccountCutOff, Object::Account(id), Some(right)));
        }
        Ok(account)
    }

    fn partner(&mut self, mut partner: Partner, told: &mut Told) -> Partner {
        let id = partner.id;
        if !partner.suspended && self.is_closed(&Subject::Partner(id)) {
            partner.suspended = true;
            self.report.partners_suspended += 1;
            told.push((Action::PartnerSuspended, Object::Partner(id), None));
        }
        for (subject, standing) in &self.standing {
            if let (Subject::Address { partner: of, address }, Standing::Closed) = (subject, standing)
                && *of == id
                && partner.blocked.insert(address.clone())
            {
                self.report.addresses_blocked += 1;
                told.push((Action::AddressBlocked, Object::Partner(id), None));
            }
        }
        partner
    }

    /// Ended where it ended or changed since: what it admits now is for the operator to set again.
    fn agreement(&mut self, mut agreement: Agreement, told: &mut Told) -> Result<Agreement, AppError> {
        let (mailbox, partner) = (agreement.mailbox, agreement.partner);
        let digest = agreement_digest(&agreement)?;
        if self.is_other(&Subject::Agreement { mailbox, partner }, digest) {
            agreement.until = Some(self.now.day().plus(-1));
            self.report.agreements_ended += 1;
            told.push((Action::AgreementChanged, Object::Agreement { partner, mailbox }, None));
        }
        Ok(agreement)
    }

    /// Its browsers are shut out; without its key it is of no use.
    fn draft(&mut self, mut draft: Draft, told: &mut Told) -> Option<Draft> {
        draft.tokens.clear();
        if draft.wrap.is_some() && !self.keys.contains(&KeyName::Draft(draft.key_day)) {
            self.report.drafts_discarded += 1;
            told.push((Action::DraftDiscarded, Object::Draft(draft.id), None));
            return None;
        }
        Some(draft)
    }

    fn mail(&mut self, mail: QueuedMail, told: &mut Told) -> QueuedMail {
        if mail.due_at().is_none() {
            return mail;
        }
        self.report.mails_suspended += 1;
        told.push((Action::MailSuspended, Object::Mail(mail.id), None));
        mail.suspended(self.now)
    }
}

/// Events of one record.
type Told = Vec<(Action, Object, Option<Detail>)>;
