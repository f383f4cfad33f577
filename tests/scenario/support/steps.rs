//! What people do on the pages, step by step, so that the stories read as stories.

use super::gateway::{Gateway, Mailbox, Person};
use super::html::{by_id, form_to, form_with, forms};
use super::http::{Browser, Reply, Upload};
use super::outbox::{self, Mail};

/// A depositor with an open draft.
pub struct Depositor {
    /// The browser that holds it.
    pub browser: Browser,
    /// The page with the form, as it was shown last.
    pub page: String,
}

/// Asks for a link on a deposit page.
pub fn ask_for_link(gateway: &Gateway, mailbox: &Mailbox, address: &str) -> (Browser, Reply) {
    let mut browser = Browser::new(&gateway.http);
    let page = browser.get(&mailbox.page);
    assert_eq!(page.status, 200, "{}: {}", mailbox.page, page.text());
    let form = form_with(&page.text(), "address");
    let reply = browser.submit(&form, &[("address", address)], &[]);
    (browser, reply)
}

/// The mail with the link that was sent to this address, the newest one.
pub fn link_mail(gateway: &Gateway, address: &str, mails_before: usize) -> Mail {
    super::wait_for("the mail with the link", || {
        let mine = |mail: &Mail| mail.to.iter().any(|to| to == address) && mail.code().is_some();
        let mails: Vec<Mail> = outbox::all(gateway).into_iter().filter(mine).collect();
        (mails.len() > mails_before).then(|| mails.last().cloned()).flatten()
    })
}

/// How many mails with a link this address has got.
pub fn link_mails(gateway: &Gateway, address: &str) -> usize {
    let mine = |mail: &Mail| mail.to.iter().any(|to| to == address) && mail.code().is_some();
    outbox::all(gateway).into_iter().filter(mine).count()
}

/// The link of a mail: the one whose page shows a button that goes to the page itself.
pub fn deposit_link(gateway: &Gateway, mail: &Mail) -> String {
    let is_button = |link: &String| {
        let page = Browser::new(&gateway.http).get(link);
        page.status == 200 && form_to(&page.text(), link).is_some()
    };
    mail.links().into_iter().find(is_button).expect("the mail links to a page with a button")
}

/// Presses the button behind a link.
pub fn press(browser: &mut Browser, link: &str) -> Reply {
    let page = browser.get(link);
    let form = form_to(&page.text(), link).unwrap_or_else(|| panic!("no button on {link}: {}", page.status));
    let pressed = browser.submit(&form, &[], &[]);
    browser.follow(pressed)
}

/// The whole way to an open draft: asked for, mailed, opened by the button.
pub fn open_draft(gateway: &Gateway, mailbox: &Mailbox, address: &str) -> Depositor {
    let before = link_mails(gateway, address);
    let (mut browser, _) = ask_for_link(gateway, mailbox, address);
    let mail = link_mail(gateway, address, before);
    let link = deposit_link(gateway, &mail);
    let opened = press(&mut browser, &link);
    assert_eq!(opened.status, 200, "the button opens the form: {}", opened.text());
    Depositor { browser, page: opened.text() }
}

impl Depositor {
    /// The form's hidden fields and where it goes.
    pub fn form(&self) -> super::html::Form {
        form_with(&self.page, "title")
    }

    /// Adds files without sending; the page that comes back is kept.
    pub fn add(&mut self, files: &[Upload]) -> Reply {
        self.act("add", "", "", files)
    }

    /// Sends the deposit, in one go with these files.
    pub fn send(&mut self, title: &str, message: &str, files: &[Upload]) -> Reply {
        self.act("send", title, message, files)
    }

    /// Sends, and gives the reference of the sent page.
    pub fn send_well(&mut self, title: &str, message: &str, files: &[Upload]) -> String {
        let reply = self.send(title, message, files);
        reference(&reply)
    }

    fn act(&mut self, action: &str, title: &str, message: &str, files: &[Upload]) -> Reply {
        let filled = [("title", title), ("message", message), ("action", action)];
        let form = self.form();
        let sent = self.browser.submit(&form, &filled, files);
        let reply = self.browser.follow(sent);
        if forms(&reply.text()).iter().any(|form| form.names.iter().any(|name| name == "title")) {
            self.page = reply.text();
        }
        reply
    }
}

/// The reference on the sent page.
pub fn reference(reply: &Reply) -> String {
    by_id(&reply.text(), "reference").unwrap_or_else(|| {
        panic!("no reference on the page: {} {}", reply.status, super::html::text(&reply.text()))
    })
}

/// Signs in; gives the browser with its session.
pub fn sign_in(gateway: &Gateway, person: &Person) -> Browser {
    sign_in_as(&gateway.http, &person.address, &person.password)
}

/// Signs in at the pages of an address; gives the browser with its session.
pub fn sign_in_as(http: &str, address: &str, password: &str) -> Browser {
    let mut browser = Browser::new(http);
    let page = browser.get("/connexion");
    let form = form_with(&page.text(), "password");
    let reply = browser.submit(&form, &[("address", address), ("password", password)], &[]);
    assert!((300..400).contains(&reply.status), "{address} signs in: {}", reply.status);
    let first = browser.get("/connexion");
    if first.header("location").is_some_and(|to| to.contains("/conditions")) {
        let page = browser.follow(first);
        let terms = form_to(&page.text(), "/conditions").unwrap();
        browser.submit(&terms, &[("accepte", "oui")], &[]);
    }
    browser
}

/// Where a page asks for the terms of use first, accepts them and gives the page behind them.
pub fn past_terms(browser: &mut Browser, page: Reply) -> Reply {
    let Some(terms) = form_to(&page.text(), "/conditions") else { return page };
    let accepted = browser.submit(&terms, &[("accepte", "oui")], &[]);
    browser.follow(accepted)
}

/// Opens a transfer as an agent does: the envelope by GET, its content by the button.
pub fn open_transfer(browser: &mut Browser, reference: &str) -> Reply {
    let path = format!("/transferts/{reference}");
    let envelope = browser.get(&path);
    let Some(form) = form_to(&envelope.text(), &path) else { return envelope };
    let opened = browser.submit(&form, &[], &[]);
    browser.follow(opened)
}

/// The names of the files on an opened transfer's page, in their order.
pub fn file_names(page: &str) -> Vec<String> {
    let name = regex::Regex::new(r#"(?s)<span class="file-name">(.*?)</span>"#).unwrap();
    name.captures_iter(page).map(|found| super::html::text(&found[1])).collect()
}

/// One file of a transfer, by its number on the page (from 1).
pub fn download(browser: &mut Browser, reference: &str, number: usize) -> Reply {
    browser.get(&format!("/transferts/{reference}/fichiers/{number}"))
}
