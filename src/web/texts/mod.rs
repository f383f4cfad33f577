//! The words of the pages, in both languages. A language is a value of [`Texts`]: a word that is missing in one
//! does not compile. Words that depend on a number or a name are functions.
//!
//! The words of the log's actions, of title findings and of mails are with what they belong to.

#![expect(clippy::struct_field_names, reason = "words are named as the page names its parts")]

mod account;
mod accounts;
mod api;
mod case_more;
mod cases;
mod defaults;
mod delivery;
mod desk_en;
mod desk_fr;
mod doors;
mod en;
mod forms;
mod fr;
mod history;
mod kits;
mod outside;
mod passkey;
mod people;
mod proofs;
mod provider;
mod queue;
mod register;
mod settings;
mod status;
mod step_up;
mod structures;
mod tokens;
mod words;

pub(in crate::web) use account::{AccountWords, FactorWords};
pub(in crate::web) use accounts::AccountsWords;
pub(in crate::web) use api::ApiWords;
pub(in crate::web) use case_more::CaseMoreWords;
pub(in crate::web) use cases::{CaseWords, CaseloadWords, DispatchWords};
pub(in crate::web) use defaults::DefaultsWords;
pub(in crate::web) use delivery::DeliveryWords;
pub(in crate::web) use doors::DoorWords;
pub(in crate::web) use forms::FormWords;
pub(in crate::web) use history::HistoryWords;
pub(in crate::web) use kits::{KitWords, ReceiptWords};
pub(in crate::web) use outside::OutsideWords;
pub(in crate::web) use passkey::PasskeyWords;
pub(in crate::web) use people::EntryWords;
pub(in crate::web) use proofs::ProofWords;
pub(in crate::web) use provider::ProviderWords;
pub(in crate::web) use queue::QueueWords;
pub(in crate::web) use register::{RegisterWords, StatisticsWords};
pub(in crate::web) use settings::SettingsWords;
pub(in crate::web) use status::{OtherDraftsWords, StatusWords, WithdrawnWords};
pub(in crate::web) use step_up::StepUpWords;
pub(in crate::web) use structures::{ImportWords, StructureWords};
pub(in crate::web) use tokens::TokenWords;

use crate::value::Language;

/// A sentence that depends on a number.
type Counted<N> = fn(N) -> String;
/// A sentence that names something.
type Named = fn(&str) -> String;
/// Title of an error page, what happened, what to do next.
type Told = (&'static str, &'static str, &'static str);

impl Texts {
    /// The words of this language.
    pub(in crate::web) const fn of(language: Language) -> &'static Self {
        match language {
            Language::Fr => &fr::TEXTS,
            Language::En => &en::TEXTS,
        }
    }
}

macro_rules! texts {
    ($($(#[$doc:meta])+ $name:ident { $($word:ident),+ ; $($sentence:ident: $shape:ty),* })+) => {$(
        $(#[$doc])+
        #[derive(Debug)]
        pub(in crate::web) struct $name {
            $(pub(in crate::web) $word: &'static str,)+
            $(pub(in crate::web) $sentence: $shape,)*
        }
    )+};
}

/// All words of one language, by page.
#[derive(Debug)]
pub(in crate::web) struct Texts {
    pub(in crate::web) common: Common,
    pub(in crate::web) home: Home,
    pub(in crate::web) deposit: Deposit,
    pub(in crate::web) code: Code,
    pub(in crate::web) draft: Draft,
    pub(in crate::web) upload: Upload,
    pub(in crate::web) problem: Problem,
    pub(in crate::web) sent: Sent,
    pub(in crate::web) inspection: Inspection,
    pub(in crate::web) sign_in: SignIn,
    pub(in crate::web) boxes: Boxes,
    pub(in crate::web) members: Members,
    pub(in crate::web) key: OwnKey,
    pub(in crate::web) transfer: Transfer,
    pub(in crate::web) journal: Journal,
    pub(in crate::web) desk: Desk,
    pub(in crate::web) error: Errors,
    pub(in crate::web) data: Data,
    pub(in crate::web) access: Access,
    pub(in crate::web) demo: Demo,
}

texts! {
    /// What stands around every page, and words that several pages say.
    Common {
        tagline, skip, other_language, switch_language, menu, boxes, journal, sign_in, sign_out, footer_menu,
        data_protection, accessibility, free_software, demo_title, demo_text, demo_guide, demo_mail, back_home,
        reference, title, sender, mailbox, received, expires, files_label, state, remove,
        open, paris_time ;
        files: Counted<u32>
    }
    /// The first page.
    Home {
        title, lead, deposit_title, deposit_lead, deposit_here, no_pages, agents_title, agents_text, agents_button,
        steps_title, step1_title, step1_text, step2_title, step2_text, step3_title, step3_text,
        promise_title, promise1, promise2, promise3 ;
    }
    /// A mailbox's page.
    Deposit {
        title, form_title, address, address_help, submit, steps_title, step1, step2, step3, limits_title,
        by_mail, data_title, data_text, dpo_write, dpo_more, address_missing, address_wrong ;
        processed_by: Named, files_limit: fn(u32, &str, &str, &str) -> String, days_limit: Counted<u32>
    }
    /// The page after the address, and the mailed link's page.
    Code {
        title, lead, same_for_all, link_title, link_text, code_title, code, code_help, submit, nothing_title,
        nothing1, nothing2, nothing3, again, problem_shape, problem_wrong, problem_ended, link_page_title,
        link_page_text, link_page_button, link_page_why ;
        sent_to: Named, minutes: Counted<u32>
    }
    /// The deposit form.
    Draft {
        title, as_depositor, error_title, title_label, title_help, title_why, title_write, accept,
        message, message_help, files, files_help, files_drop, files_taken, files_none, files_add,
        sealed, held, refused, notice_title, notice_text, notice_rights, notice_objection, send, send_help,
        title_marked, one_person ;
        limits: fn(u32, &str, &str, &str) -> String, title_limit: Counted<usize>, remove_file: Named
    }
    /// What the upload script says; given to it as data attributes.
    Upload {
        waiting, sending, received, sealed, held, failed, lost, paused, pause, resume, paced, cancel, remaining,
        seconds, minutes, hours, busy, paused_left, unfinished_left, sending_form, title_good, empty, too_large, limit,
        unit, progress, all_done, leave, digest, folder, unfinished, unfinished_help, unfinished_script ;
        unfinished_state: fn(u64, &str) -> String
    }
    /// What is wrong with a deposit.
    Problem {
        title_missing, title_refused, nothing_to_send, already_sent, refused_at_sending, limits_lowered ;
        title_too_long: Counted<usize>, message_too_long: Counted<usize>, too_many_files: Counted<u32>,
        file_too_large: fn(&str, &str, &str) -> String, total_too_large: fn(&str, &str, &str) -> String,
        not_kept: Named, file_empty: Named, upload_unfinished: Named, too_fast: fn(&str, &str) -> String,
        message_refused: Named, file_refused: fn(&str, &str) -> String, file_interrupted: Named, refused_file_left: Named
    }
    /// The page after sending.
    Sent {
        title, lead, reference_help, held_title, held_text, next_title, next_mail, next_read, next_expire, again,
        print, summary, sent_to ;
    }
    /// What pages say of inspected files (D8).
    Inspection {
        off, on, refused_title, refused_help, this_file, unnamed, the_text, waiting_title, waiting_help, more_waiting, because, kept_until, warning,
        not_scanned, original_dropped, held_letter, held_next ;
        some_refused: Counted<usize>
    }
    /// The sign-in.
    SignIn {
        title, lead, address, password, submit, failed, signed_out, session_ended, needs_sign_in, depositor_title,
        depositor_text, show_password, hide_password ;
        too_many: Counted<u32>
    }
    /// The agent's list.
    Boxes {
        title, none_title, none_text, empty_title, empty_text, new, opened_by, held, expired, soon, caption,
        files_column, from_column, gateway, newest, older, pages_menu, on_page ;
        new_count: Counted<usize>, soon_count: Counted<usize>
    }
    /// The members of a mailbox.
    Members {
        title, lead, lead_gateway, caption, name, address, change, you, waits, opens, admit, remove, remove_text,
        admitted, removed, custody_changed, last_member, not_fitting, denied, rotating, you_wait, you_wait_text,
        custody_title, gateway_text, take, take_text, take_confirm, members_text, return_key, return_text,
        return_confirm ;
        admit_named: Named, remove_named: Named, remove_confirm: Named
    }
    /// The page that asks for the secret of one's own key.
    OwnKey { title, lead, label, help, submit, wrong, why_title, why_text ; }
    /// A transfer's page.
    Transfer {
        closed_title, open_help, held, opened_first, never_opened, letters, acknowledgement, notice, reminder,
        queued, accepted, delayed, bounced, suspended, bounced_help, message, no_message, files, no_files, download,
        download_all, digest, digest_help, gateway_title, gateway_text, back, deadline, deadline_text,
        origin, outside, sender_proof, by_relay_address, by_relay_certificate, by_dmarc, in_clear ;
        download_named: Named
    }
    /// The log's page.
    Journal {
        title, lead, verifies, verifies_text, broken, broken_text, unknown, unknown_text, entries, checkpoint, never,
        verified, filter, person, person_help, mailbox, action, from, to, all, apply, clear, caption, when,
        who, what, object, outcome, origin, done, intended, refused, failed, none, earlier, later, pages_menu,
        export_text, entry, read_is_logged ;
        broken_at: Counted<u64>
    }
    /// The security officer's other pages, and what they share with the log's page.
    Desk {
        menu, timeline, person, refusals, queue, rights, proofs, proof, stamped, witness, no_witness, silent, verify_now, verifying, transfer,
        transfer_help, partner, all_partners, origin, origin_help, not_understood, cut_short, go_on,
        newest, export_title, export_text, export_csv, export_json, export_bundle, bundle_text,
        story_title, story_lead, story_limits, story_cut, in_timeline, on_day, unknown, live, ended,
        key_live, key_begun, key_destroyed, person_title, person_lead, show, pseudonym, erased, account,
        no_account, inactive, counted, latest_only, summary, latest, changes, refusals_title,
        refusals_lead, gathered_cut, by_origin, by_person, persons, addresses, groups_caption,
        refused_count, sign_ins, reasons, first_last, rights_title, rights_lead, on_the_evening_of,
        today, rights_now, rights_then, limits_title, known_since, pruned, listed_limit, names_limit,
        rights_cut, accounts, no_accounts, role, created, last_sign_in, no_sign_in, since, active,
        differs, agreements, no_agreements, in_force, no_end, admitted, by_domain, open, closed,
        suspended, export_rights ;
        gathered: fn(u64, u64) -> String, differing: Counted<usize>, listed: Counted<u32>
    }
    /// Error pages.
    Errors {
        support, support_help, start_again, expired_on, next ;
        bad_request: Told, forbidden: Told, not_admitted: Told, not_found: Told, transfer_expired: Told, link_expired: Told,
        too_large: Told, too_large_limit: Named, too_many: Told, too_many_wait: Counted<u32>, internal: Told,
        restored: Told, unavailable: Told
    }
    /// The page on personal data.
    Data {
        title, who_title, why_title, why_text, basis_title, basis_text, what_title, what_text, whom_title, whom_text,
        seal_title, seal_text, rights_title, rights_text, dpo_title, dpo_text, cnil_title, cnil_text, cookie_title,
        cookie_text, long_title ;
        who_text: Named, content_long: Counted<u32>, log_long: Counted<u32>
    }
    /// The declaration on accessibility.
    Access {
        title, state_title, state_text, tested_title, tested1, tested2, tested3, tested4, untested_title, untested1,
        untested2, untested3, contact_title, contact_text, remedy_title, remedy_text, intent_title ;
        intent: Named
    }
    /// The demonstration.
    Demo {
        title, lead, walk_title, walk1_title, walk1, walk2_title, walk2, walk3_title, walk3, walk4_title, walk4,
        walk5_title, walk5, walk6_title, walk6, go_deposit, people_title, people_caption, role, address, password,
        mailboxes, role_agent, role_manager, role_technicien, role_administrator, role_officer, depositors_title, depositors_text, mailboxes_title,
        deposit_page, deposit_address, clock_title, clock_text, clock_now, advance, hour, day, five_days,
        twenty_days, move_on, mails_title, mails_lead, mails_none, mails_caption, to, from, subject, sent, rendered,
        text, raw, frame_title, back ;
        mails: Counted<u32>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn french_sets_narrow_spaces_before_high_marks() {
        let words = format!("{:?}", Texts::of(Language::Fr));
        for mark in [" :", " ;", " !", " ?", " »", "« "] {
            assert!(
                !words.contains(&format!("\"{mark}")) && !faulty(&words, mark),
                "plain space in {mark:?}"
            );
        }
    }

    /// Whether the mark stands in a text rather than in the debug syntax around it.
    fn faulty(words: &str, mark: &str) -> bool {
        words.match_indices(mark).any(|(at, _)| words[..at].chars().last().is_some_and(char::is_alphabetic))
    }

    #[test]
    fn no_text_is_left_in_the_other_language() {
        let (fr, en) = (Texts::of(Language::Fr), Texts::of(Language::En));
        assert_ne!(fr.draft.title_help, en.draft.title_help);
        assert_ne!(format!("{fr:?}").len(), format!("{en:?}").len());
        for left in [" vous ", " votre ", " les ", " fichiers "] {
            assert!(!format!("{en:?}").contains(left), "{left:?} in the English words");
        }
        for left in [" you ", " your ", " the ", " files "] {
            assert!(!format!("{fr:?}").contains(left), "{left:?} in the French words");
        }
    }

    #[test]
    fn counts_agree_in_number() {
        let files = |language| [0, 1, 2].map(Texts::of(language).common.files);
        assert_eq!(files(Language::Fr), ["aucun fichier", "1\u{a0}fichier", "2\u{a0}fichiers"]);
        assert_eq!(files(Language::En), ["no file", "1\u{a0}file", "2\u{a0}files"]);
    }
}
