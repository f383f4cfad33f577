//! The commented file that a new installation, or a new demonstration, starts with. It writes no file.

const TEMPLATE: &str = include_str!("reference.toml");
const HTTP_TLS: &str = "certificate = \"certs/server.pem\"\nkey = \"certs/server.key\"\n\
# Without TLS: on loopback, or behind a proxy that does it. Default false.\n# plain = false";
const HTTP_PLAIN: &str = "# certificate = \"certs/server.pem\"\n# key = \"certs/server.key\"\n\
# Without TLS: on loopback, or behind a proxy that does it. Default false.\nplain = true";
const SMTP_TLS: &str = "certificate = \"certs/server.pem\"\nkey = \"certs/server.key\"";
const DEMO: &str = "
# This directory belongs to a demonstration: only `pli demo` starts it.
[demo]
# Where mails are kept as files instead of being sent. Default \"outbox\".
# outbox = \"outbox\"
# How far the clock was moved from the demonstration's page. Default \"demo-clock.json\".
# clock_file = \"demo-clock.json\"
";

/// What differs from one new installation to the next.
#[derive(Debug, Clone)]
pub struct InitialFile {
    /// Where people reach the pages.
    pub base_url: String,
    /// Where they are served.
    pub http_listen: String,
    /// Where mail is taken.
    pub smtp_listen: String,
    /// The gateway's name.
    pub hostname: String,
    /// The domain of its addresses.
    pub mail_domain: String,
    /// The recovery recipient, `age1…`.
    pub recovery: Option<String>,
    /// Whether this is a demonstration: plain HTTP, mails kept in a directory.
    pub demo: bool,
}

impl InitialFile {
    /// The text of `pli.toml`.
    pub fn text(&self) -> String {
        let example = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
        let recovery = match &self.recovery {
            Some(recipient) => format!("recipient = \"{recipient}\""),
            None => format!("# recipient = \"{example}\""),
        };
        let smart_host =
            if self.demo { "# smart_host = \"localhost\"" } else { "smart_host = \"localhost\"" };
        let filled = [
            ("{base_url}", self.base_url.as_str()),
            ("{http_listen}", &self.http_listen),
            ("{http_tls}", if self.demo { HTTP_PLAIN } else { HTTP_TLS }),
            ("{smtp_listen}", &self.smtp_listen),
            ("{smtp_tls}", SMTP_TLS),
            ("{hostname}", &self.hostname),
            ("{mail_domain}", &self.mail_domain),
            ("{smart_host}", smart_host),
            ("{recovery_recipient}", &recovery),
            ("{demo}", if self.demo { DEMO } else { "" }),
        ];
        filled.into_iter().fold(TEMPLATE.to_owned(), |text, (mark, value)| text.replace(mark, value))
    }
}
