//! `pli check` over a gateway in earnest: what takes deposits receives no notices (invariant 10), asked of the gateway that runs
//! and of the store of one that does not.

use pli::app::ports::{Change, List, Store, UnitOfWork};
use pli::mailbox::Mailbox;
use pli::store::EmbeddedStore;

use crate::support::run;
use crate::support::served::{Served, Setting};

/// The exit code, and the faults about addresses.
fn check(served: &Served) -> (Option<i32>, Vec<String>) {
    let done = run(&mut served.prepare("check"));
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    let faults = said.lines().filter(|line| line.starts_with("fault: "));
    (done.status.code(), faults.map(str::to_owned).collect())
}

/// Changes a mailbox behind the gateway's back, as an old backup or a hand in the store does: no command makes this mistake.
fn turn_notices(served: &Served, slug: &str, change: impl FnOnce(&mut Mailbox)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = EmbeddedStore::open(&served.directory().join("store")).unwrap();
        let found = store.list(&List::Mailboxes, 100).await.unwrap();
        let mailboxes = found.into_iter().map(|found| Mailbox::try_from(found.record).unwrap());
        let mut mailbox = mailboxes.into_iter().find(|mailbox| mailbox.slug.as_str() == slug).unwrap();
        change(&mut mailbox);
        let unit = UnitOfWork { changes: vec![Change::Put(mailbox.into())], ..UnitOfWork::default() };
        store.commit(unit).await.unwrap();
    });
}

const NEW: &str = "mailbox add --custody gateway --name Social --purpose Dossiers --slug";

#[test]
fn check_says_which_notices_would_come_back_as_deposits() {
    let served = Served::start(&Setting::default());
    assert_eq!(check(&served), (Some(0), vec![]), "as it was made");
    let taken =
        format!("{NEW} social --deposit-address social@pli.example --notice-address retraite@pli.example");
    assert!(!run(&mut served.prepare(&taken)).status.success(), "the command itself refuses");

    served.command(&format!(
        "{NEW} social --deposit-address social@pli.example --notice-address equipe@pli.example"
    ));
    let back = "fault: mailbox social: notices to equipe@pli.example would come back to the gateway, which has no such mailbox";
    assert_eq!(check(&served), (Some(1), vec![back.to_owned()]), "asked of the gateway that runs");

    let mut stopped = served;
    stopped.kill();
    assert_eq!(check(&stopped), (Some(1), vec![back.to_owned()]), "asked of its store");
    turn_notices(&stopped, "social", |mailbox| {
        let retraite = pli::value::MailAddress::parse("retraite@pli.example").unwrap();
        mailbox.notice_address = retraite;
    });
    let round = "fault: mailbox social: retraite@pli.example takes deposits and would receive notices: mails would go round";
    assert_eq!(check(&stopped), (Some(1), vec![round.to_owned()]));
    let running = stopped.kill_and_start_again();
    assert_eq!(check(&running), (Some(1), vec![round.to_owned()]));
}

#[test]
fn check_says_when_answers_to_the_gateways_letters_would_be_deposits() {
    let served =
        Served::start(&Setting { gateway: "mail_from = \"retraite@pli.example\"\n", ..Setting::default() });
    let (code, faults) = check(&served);
    assert_eq!(code, Some(1));
    assert!(
        matches!(faults.as_slice(), [one] if one.contains("mail_from = \"retraite@pli.example\" takes deposits")),
        "{faults:?}"
    );
}
