//! What is sent to each route: what somebody who may would send, so that a refusal is one of rights and not of words.
//!
//! A `GET` whose path holds only names of [`filled`] needs nothing here. Everything else has an arm in [`sent`].

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE};
use pli::value::{Digest, Language, PartnerId, Token};

use super::routes::Route;
use super::world::{DOCTOR, NOTARY, SPARE, TOLD, Who, World, code_now};
use crate::house::{DEPOSITOR, PASSWORD, address, visitor};

/// One request in the making.
pub struct Asked {
    path: String,
    headers: Vec<(&'static str, String)>,
    cookies: Vec<String>,
    body: Vec<u8>,
}

impl Asked {
    fn of(path: String) -> Self {
        Self { path, headers: Vec::new(), cookies: Vec::new(), body: Vec::new() }
    }

    fn form(mut self, fields: &[(&str, &str)]) -> Self {
        let encode = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
        };
        let pairs: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        self.headers.push((CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded".into()));
        self.body = pairs.join("&").into_bytes();
        self
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "numbers and texts are written alike where it is called"
    )]
    fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    fn bytes(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    /// A cookie that only one person's browser has.
    fn cookie_of(mut self, owner: Who, who: Who, cookie: String) -> Self {
        if owner == who {
            self.cookies.push(cookie);
        }
        self
    }

    /// The whole request, with the cookies of whoever asks, or the token.
    pub fn request(mut self, method: &str, cookies: Vec<String>, bearer: Option<String>) -> Request<Body> {
        self.cookies.extend(cookies);
        self.headers.extend(bearer.map(|bearer| (AUTHORIZATION.as_str(), bearer)));
        let mut request = Request::builder().method(method).uri(&self.path);
        if !self.cookies.is_empty() {
            request = request.header(COOKIE, self.cookies.join("; "));
        }
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        request.body(Body::from(self.body)).unwrap()
    }
}

/// What stands for a name in a path: the things of the world that the depositor, the reader and the agent own.
fn filled(world: &World, path: &str) -> String {
    let mut filled = path.to_owned();
    for (name, value) in [
        ("{organisation}", "carsat".to_owned()),
        ("{mailbox}", "pensions".to_owned()),
        ("{draft}", world.draft.0.to_string()),
        ("{reference}", world.deposit.to_string()),
        ("{transfer}", world.deposit.to_string()),
        ("{number}", "1".to_owned()),
        ("{link}", world.link.link.to_string()),
        ("{structure}", PartnerId::new([2; 16]).to_string()),
    ] {
        filled = filled.replace(name, &value);
    }
    assert!(
        !filled.contains('{'),
        "{path} has a part that the table of rights does not know: say in tests/app/rights/probes.rs, `filled`, what \
         stands for it, or give the route an arm in `sent`"
    );
    filled
}

/// What somebody sends to a route. `session` is the session that goes with it, if the person has one.
#[expect(clippy::match_same_arms, reason = "a table in the order of what is acted upon")]
pub async fn sent(world: &World, route: &Route, who: Who, session: Option<&Token>) -> Asked {
    let path = route.path.as_str();
    // Mails of one instant leave in any order: those of earlier requests are gone before this one's.
    world.settle().await;
    match (route.method, path) {
        // Public pages, and the links that are their own proof.
        ("GET", "/assets/{name}") => Asked::of("/assets/pli.css".into()),
        ("POST", "/depot/titre") => {
            let asked = Asked::of(path.into()).with(CONTENT_TYPE.as_str(), "application/json");
            asked.bytes(br#"{"mailbox":"pensions","title":"Demande urgente"}"#)
        }
        ("GET" | "POST", "/depot/lien/{token}") => {
            let asked = world.house.app.request_proof(
                &world.house.pensions,
                address(DEPOSITOR),
                Language::Fr,
                visitor(),
            );
            asked.await.unwrap();
            Asked::of(format!("/depot/lien/{}", world.mailed(DEPOSITOR, "/depot/lien/").await)).form(&[])
        }
        ("POST", "/depot/{organisation}/{mailbox}" | "/suivi/{reference}" | "/suivi") => {
            Asked::of(filled(world, path)).form(&[("address", DEPOSITOR)])
        }
        ("POST", "/depot/{organisation}/{mailbox}/code") => {
            let asked = world.house.app.request_proof(
                &world.house.pensions,
                address(DEPOSITOR),
                Language::Fr,
                visitor(),
            );
            let asked = asked.await.unwrap();
            let cookie = format!("pli_code={}.{}", asked.proof, asked.browser.expose());
            let code = world.mailed_code(DEPOSITOR, Some("/depot/lien/")).await;
            let asked = Asked::of(filled(world, path)).form(&[("code", &code)]);
            asked.cookie_of(Who::Depositor, who, cookie)
        }
        ("POST", "/suivi/{reference}/code") => {
            let asked =
                world.house.app.request_status(&world.deposit, address(DEPOSITOR), Language::Fr, visitor());
            let asked = asked.await.unwrap();
            let cookie = format!("pli_code={}.{}", asked.proof, asked.browser.expose());
            let code = world.mailed_code(DEPOSITOR, Some("/suivi/lien/")).await;
            let asked = Asked::of(filled(world, path)).form(&[("code", &code)]);
            asked.cookie_of(Who::Depositor, who, cookie)
        }
        // Not confirmed: the deposit stays for the requests that follow.
        ("POST", "/suivi/{reference}/retirer") => {
            let asked =
                world.house.app.request_status(&world.deposit, address(DEPOSITOR), Language::Fr, visitor());
            let asked = asked.await.unwrap();
            let cookie = format!("pli_code={}.{}", asked.proof, asked.browser.expose());
            let code = world.mailed_code(DEPOSITOR, Some("/suivi/lien/")).await;
            let asked = Asked::of(filled(world, path)).form(&[("code", &code)]);
            asked.cookie_of(Who::Depositor, who, cookie)
        }
        ("POST", "/suivi/lien/{token}/retirer") => {
            let asked =
                world.house.app.request_status(&world.deposit, address(DEPOSITOR), Language::Fr, visitor());
            asked.await.unwrap();
            let token = world.mailed(DEPOSITOR, "/suivi/lien/").await;
            Asked::of(format!("/suivi/lien/{token}/retirer")).form(&[])
        }
        ("POST", "/suivi/code") => {
            let asked = world.house.app.request_history(address(DEPOSITOR), Language::Fr, visitor());
            let asked = asked.await.unwrap();
            let cookie = format!("pli_code={}.{}", asked.proof, asked.browser.expose());
            let code = world.mailed_code(DEPOSITOR, Some("/suivi/liste/")).await;
            Asked::of(path.into()).form(&[("code", &code)]).cookie_of(Who::Depositor, who, cookie)
        }
        ("GET" | "POST", "/suivi/liste/{token}") => {
            world.house.app.request_history(address(DEPOSITOR), Language::Fr, visitor()).await.unwrap();
            Asked::of(format!("/suivi/liste/{}", world.mailed(DEPOSITOR, "/suivi/liste/").await)).form(&[])
        }
        ("GET" | "POST", "/suivi/lien/{token}") => {
            let asked =
                world.house.app.request_status(&world.deposit, address(DEPOSITOR), Language::Fr, visitor());
            asked.await.unwrap();
            Asked::of(format!("/suivi/lien/{}", world.mailed(DEPOSITOR, "/suivi/lien/").await)).form(&[])
        }
        ("GET" | "POST", "/plis/lien/{token}") => {
            Asked::of(format!("/plis/lien/{}", world.mailed(DEPOSITOR, "/plis/lien/").await)).form(&[])
        }
        ("POST", "/plis/lien/{token}/code") => {
            let token = world.mailed(DEPOSITOR, "/plis/lien/").await;
            let browser = world.asked_to_open(&token).await;
            let code = world.mailed_code(DEPOSITOR, None).await;
            let asked = Asked::of(format!("/plis/lien/{token}/code")).form(&[("code", &code)]);
            asked.cookie_of(Who::Reader, who, format!("pli_open={}", browser.expose()))
        }
        ("POST", "/plis/lien/{token}/mot-de-passe") => {
            let token = world.mailed(NOTARY, "/plis/lien/").await;
            Asked::of(format!("/plis/lien/{token}/mot-de-passe")).form(&[("password", TOLD)])
        }
        ("GET" | "POST", "/avis-recus/{link}") => {
            let notice = world.mailed("balc-pensions@carsat.example", "?avis=").await;
            Asked::of(format!("/avis-recus/{notice}")).form(&[])
        }
        ("POST", "/verifier-un-recu") => {
            let transfer = world.transfer(&world.deposit).await;
            let receipt = world.house.app.receipt_of(transfer).await.unwrap().unwrap().to_string();
            let body = format!(
                "--b\r\nContent-Disposition: form-data; name=\"texte\"\r\n\r\n{receipt}\r\n--b--\r\n"
            );
            let asked = Asked::of(path.into()).with(CONTENT_TYPE.as_str(), "multipart/form-data; boundary=b");
            asked.bytes(body.as_bytes())
        }
        // Drafts.
        ("POST", "/depot/{organisation}/{mailbox}/brouillon/{draft}") => {
            let draft = world.to_send.0;
            let fields = [("title", "Demande urgente"), ("message", "Bonjour"), ("action", "send")];
            Asked::of(format!("/depot/carsat/pensions/brouillon/{draft}")).form(&fields)
        }
        ("GET", "/depot/{organisation}/{mailbox}/brouillon/{draft}/recu") => {
            Asked::of(format!("/depot/carsat/pensions/brouillon/{}/recu", world.sent.0))
        }
        ("POST", "/depot/{organisation}/{mailbox}/brouillon/{draft}/autres") => {
            Asked::of(filled(world, path)).form(&[("draft", &world.beside.0.to_string())])
        }
        ("POST", "/depot/{organisation}/{mailbox}/brouillon/{draft}/autre-personne") => {
            Asked::of(format!("/depot/carsat/pensions/brouillon/{}/autre-personne", world.sent.0)).form(&[])
        }
        ("POST", "/depot/{organisation}/{mailbox}/brouillon/{draft}/fichiers/tus") => {
            Asked::of(filled(world, path)).with("tus-resumable", "1.0.0").with("upload-length", 4)
        }
        (
            "HEAD" | "PATCH" | "DELETE",
            "/depot/{organisation}/{mailbox}/brouillon/{draft}/fichiers/tus/{upload}",
        ) => {
            let upload = if route.method == "DELETE" { world.doomed } else { world.upload };
            let place = format!("/depot/carsat/pensions/brouillon/{}/fichiers/tus/{upload}", world.draft.0);
            let asked = Asked::of(place).with("tus-resumable", "1.0.0");
            if route.method == "PATCH" {
                let asked = asked.with("upload-offset", 0).with("content-length", 4);
                asked.with(CONTENT_TYPE.as_str(), "application/offset+octet-stream").bytes(b"%PDF")
            } else {
                asked
            }
        }
        // Signing in, and one's own account.
        ("POST", "/connexion") => {
            let fields = [("address", "autre@carsat.example"), ("password", PASSWORD)];
            Asked::of(path.into()).form(&fields)
        }
        ("POST", "/connexion/oubli") => Asked::of(path.into()).form(&[("address", SPARE)]),
        ("GET" | "POST", "/compte/lien/{token}") => {
            world.house.app.request_password_link(address(SPARE), visitor()).await.unwrap();
            Asked::of(format!("/compte/lien/{}", world.mailed(SPARE, "/compte/lien/").await)).form(&[])
        }
        ("POST", "/conditions") => Asked::of(path.into()).form(&[("version", "1"), ("accepte", "oui")]),
        ("POST", "/compte/identite") => {
            Asked::of(path.into()).form(&[("nom", "Camille Petit"), ("langue", "fr")])
        }
        ("POST", "/connexion/code") => {
            let code = world.papers.last().map_or("000000", String::as_str);
            Asked::of(path.into()).form(&[("code", code)])
        }
        ("POST", "/deconnexion") => Asked::of(path.into()).form(&[]),
        ("POST", "/cle") => Asked::of(path.into()).form(&[("password", PASSWORD)]),
        ("POST", "/compte/mot-de-passe") => {
            Asked::of(path.into()).form(&[("present", PASSWORD), ("new", PASSWORD), ("again", PASSWORD)])
        }
        ("POST", "/compte/phrase") => {
            let phrase = "une phrase de coffre tout à fait synthétique";
            Asked::of(path.into()).form(&[("phrase", phrase), ("again", phrase)])
        }
        ("POST", "/compte/connexions") => Asked::of(path.into()).form(&[("connexion", "autres")]),
        ("POST", "/compte/second-facteur") => Asked::of(path.into()).form(&[]),
        ("POST", "/compte/second-facteur/confirmer") => {
            let new = world
                .signed(session)
                .await
                .map(|signed| world.house.app.begin_second_factor(&signed).unwrap());
            let (sealed, code) = match new {
                Some(new) => (new.sealed, code_now(&world.house, &new.secret)),
                None => (String::new(), "000000".to_owned()),
            };
            Asked::of(path.into()).form(&[("scelle", &sealed), ("code", &code), ("present", PASSWORD)])
        }
        ("POST", "/confirmer") => {
            let signed = world.signed(session).await;
            let act = signed.map(|signed| world.house.app.seal_act(&signed, "/boites", b"").unwrap());
            let act = act.unwrap_or_default();
            Asked::of("/confirmer?suite=%2Fboites".into()).form(&[("acte", &act), ("preuve", PASSWORD)])
        }
        ("POST", "/connexion/cle-acces/defi" | "/compte/cles-acces/defi") => Asked::of(path.into()).form(&[]),
        ("POST", "/connexion/cle-acces" | "/compte/cles-acces/nouvelle") => {
            Asked::of(path.into()).form(&[("nom", "clé"), ("ceremonie", ""), ("cle", "")])
        }
        ("POST", "/compte/cles-acces/retirer") => {
            Asked::of(path.into()).form(&[("cle", &Digest::of(b"none").to_string())])
        }
        ("POST", "/compte/second-facteur/retirer") => Asked::of(path.into()).form(&[("present", PASSWORD)]),
        // Mailboxes and transfers.
        ("POST", "/boites/{mailbox}/membres") => {
            let spare = world.account(SPARE).await.to_string();
            Asked::of("/boites/gardee/membres".into()).form(&[("membre", &spare), ("action", "retirer")])
        }
        ("POST", "/boites/{mailbox}/membres/garde") => {
            Asked::of("/boites/ouverte/membres/garde".into()).form(&[("garde", "membres")])
        }
        ("POST", "/boites/{mailbox}/reglages") => {
            Asked::of(filled(world, path)).form(&[("action", "envois"), ("jours", "10")])
        }
        ("POST", "/boites/{mailbox}/nouveau") => Asked::of(filled(world, path)).form(&[]),
        ("POST", "/transferts/{reference}") => {
            Asked::of(format!("/transferts/{}", world.fresh().await)).form(&[])
        }
        ("POST", "/transferts/{reference}/dossier") => {
            Asked::of(format!("/transferts/{}/dossier", world.fresh().await)).form(&[("action", "prendre")])
        }
        ("POST", "/transferts/{reference}/ventiler") => {
            let other = world.mailbox("social").await.id.to_string();
            let asked = Asked::of(format!("/transferts/{}/ventiler", world.fresh().await));
            asked.form(&[("boite", &other), ("copie", ""), ("note", "à suivre")])
        }
        ("POST", "/transferts/{reference}/repondre") => {
            Asked::of(format!("/transferts/{}/repondre", world.fresh().await)).form(&[])
        }
        ("POST", "/transferts/{reference}/reponse-donnee") => {
            let asked = Asked::of(format!("/transferts/{}/reponse-donnee", world.fresh().await));
            asked.form(&[("jour", &world.today()), ("par", "telephone")])
        }
        ("POST", "/transferts/{reference}/codes") => Asked::of(filled(world, path)).form(&[]),
        ("POST", "/transferts/{reference}/mediateur") => {
            Asked::of(filled(world, path)).form(&[("motif", "blocked")])
        }
        ("POST", "/compte/envois") => Asked::of(filled(world, path)).form(&[("validite", "5"), ("avis", "")]),
        ("POST", "/transferts/{reference}/retirer") => {
            // What the doctor was sent; the answer is still read.
            let sent = world.mailed_reference(DOCTOR).await;
            Asked::of(format!("/transferts/{sent}/retirer")).form(&[])
        }
        ("POST", "/plis/{link}/repondre") => Asked::of(filled(world, path)).form(&[]),
        // The officer's desk.
        ("POST", "/journal/verifier" | "/dossiers/traitements") => Asked::of(path.into()).form(&[]),
        ("POST", "/journal/file") => {
            let mail = world.waiting_mail().await.to_string();
            Asked::of(path.into()).form(&[("courriel", &mail), ("action", "retenir")])
        }
        ("GET", "/journal/preuves/entree") => Asked::of(format!("{path}?entry=0")),
        ("GET", "/journal/preuves/croissance") => Asked::of(format!("{path}?older=1&newer=2")),
        ("GET", "/journal/preuves/horodatages/{name}") => {
            Asked::of("/journal/preuves/horodatages/2.tsr".into())
        }
        ("POST", "/dossiers/violation") => {
            let reference = world.deposit.to_string();
            let (from, until) = (format!("{}T00:00", world.today()), format!("{}T23:59", world.today()));
            let fields =
                [("du", from.as_str()), ("au", &until), ("connaissance", &until), ("transfert", &reference)];
            Asked::of(path.into()).form(&fields)
        }
        ("POST", "/dossiers/personne") => {
            Asked::of(path.into()).form(&[("adresse", DEPOSITOR), ("action", "voir")])
        }
        // The accounts of the house.
        // Confirming is the officer's too; an agent who becomes one sends the same.
        ("POST", "/comptes") if who != Who::Administrator => {
            Asked::of(path.into()).form(&[("action", "confirmer")])
        }
        ("POST", "/comptes") => {
            let organisation = world.house.pensions.organisation.to_string();
            let fields = [
                ("action", "creer"),
                ("nom", "Dominique Noir"),
                ("adresse", "noir@carsat.example"),
                ("organisme", organisation.as_str()),
            ];
            Asked::of(path.into()).form(&fields)
        }
        // A partner's structure.
        ("POST", "/structures/{structure}") if who == Who::Administrator => Asked::of(filled(world, path))
            .form(&[("action", "bloquer"), ("adresse", "perdu@departement.example")]),
        ("POST", "/structures/{structure}") => {
            let fields =
                [("action", "creer"), ("nom", "Dominique Roux"), ("adresse", "roux@departement.example")];
            Asked::of(filled(world, path)).form(&fields)
        }
        ("POST", "/structures/{structure}/import") => {
            let table = "name,address\nDominique Blanc,blanc@departement.example\n";
            Asked::of(filled(world, path)).form(&[("tableau", table), ("importer", "1")])
        }
        ("POST", "/structures/{structure}/jetons") => {
            let mailbox = world.house.pensions.id.to_string();
            let fields =
                [("nom", "SI"), ("adresses", DEPOSITOR), ("jours", "30"), ("boite", mailbox.as_str())];
            Asked::of(filled(world, path)).form(&fields)
        }
        ("POST", "/structures/{structure}/jetons/revoquer") => {
            Asked::of(filled(world, path)).form(&[("jeton", &world.clients[1].to_string())])
        }
        // Partners' software.
        (method, api) if api.starts_with("/api/v1/") => api_sent(world, method, api),
        // The demonstration.
        ("POST", "/demo/clock") => Asked::of(path.into()).form(&[("advance_s", "1")]),
        ("GET", "/demo/mail/{id}" | "/demo/mail/{id}/html") => Asked::of(path.replace("{id}", "1")),
        ("GET", _) => Asked::of(filled(world, path)),
        (method, _) => panic!(
            "{method} {path} is new. Add an arm in tests/app/rights/probes.rs, `sent`, with what somebody who may would \
             send; then write the table anew with `PLI_WRITE_RIGHTS=1 cargo test --test app rights::` and read what \
             changed in docs/rights.md: that diff is what is reviewed."
        ),
    }
}

/// What partners' software sends; its own deposits are what others ask about.
fn api_sent(world: &World, method: &str, path: &str) -> Asked {
    let json = |asked: Asked, body: &str| {
        asked.with(CONTENT_TYPE.as_str(), "application/json").bytes(body.as_bytes())
    };
    let [open, doomed, to_send, sent] = world.api.map(|id| format!("/api/v1/deposits/{id}"));
    match (method, path.strip_prefix("/api/v1").unwrap()) {
        ("GET", "/openapi.json" | "/mailboxes" | "/deposits") => Asked::of(path.into()),
        ("POST", "/deposits") => {
            let wish = format!(r#"{{"organisation":"carsat","mailbox":"pensions","sender":"{DEPOSITOR}"}}"#);
            json(Asked::of(path.into()), &wish)
        }
        ("GET", "/deposits/{id}") => Asked::of(open),
        ("DELETE", "/deposits/{id}") => Asked::of(doomed),
        ("PUT", "/deposits/{id}/files/{name}") => {
            Asked::of(format!("{to_send}/files/c.pdf")).bytes(b"%PDF-1.7")
        }
        ("DELETE", "/deposits/{id}/files/{name}") => Asked::of(format!("{to_send}/files/d.pdf")),
        ("POST", "/deposits/{id}/uploads") => {
            Asked::of(format!("{open}/uploads")).with("tus-resumable", "1.0.0").with("upload-length", 4)
        }
        ("HEAD" | "PATCH" | "DELETE", "/deposits/{id}/uploads/{upload}") => {
            let [upload, given_up] = world.api_uploads;
            let upload = if method == "DELETE" { given_up } else { upload };
            let asked = Asked::of(format!("{open}/uploads/{upload}")).with("tus-resumable", "1.0.0");
            if method == "PATCH" {
                let asked = asked.with("upload-offset", 0).with("content-length", 4);
                asked.with(CONTENT_TYPE.as_str(), "application/offset+octet-stream").bytes(b"%PDF")
            } else {
                asked
            }
        }
        ("POST", "/deposits/{id}/send") => {
            json(Asked::of(format!("{to_send}/send")), r#"{"title":"Demande urgente","message":"Bonjour"}"#)
        }
        ("GET", "/deposits/{id}/receipt") => Asked::of(format!("{sent}/receipt")),
        _ => panic!(
            "{method} {path} is new: add an arm in tests/app/rights/probes.rs, `api_sent`, then write the table anew with \
             `PLI_WRITE_RIGHTS=1 cargo test --test app rights::` and read what changed in docs/rights.md"
        ),
    }
}
