//! What is chosen for what a member sends before the member chooses anything (T9, V2, V4): by the account, else by the mailbox.

use serde::{Deserialize, Serialize};

use crate::value::{AccountId, MailboxId};

/// Of which downloads the sender is told (V4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", from = "Written")]
pub enum TellDownloads {
    /// Of none.
    #[default]
    Never,
    /// Of each recipient's first.
    First,
    /// Of every one; those of one recipient within an hour are told once.
    Every,
}

/// Outgoing transfers of before there were three said yes or no.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    First(bool),
    Word(Word),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Never,
    First,
    Every,
}

impl From<Written> for TellDownloads {
    fn from(written: Written) -> Self {
        match written {
            Written::First(false) | Written::Word(Word::Never) => Self::Never,
            Written::First(true) | Written::Word(Word::First) => Self::First,
            Written::Word(Word::Every) => Self::Every,
        }
    }
}

impl TellDownloads {
    /// All that there are.
    pub const ALL: [Self; 3] = [Self::Never, Self::First, Self::Every];

    /// The word by which forms know it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::First => "first",
            Self::Every => "every",
        }
    }

    /// The one with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tell| tell.code() == code)
    }
}

/// Whose defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DefaultsOf {
    /// A member's own.
    Account(AccountId),
    /// Those of all that a mailbox sends.
    Mailbox(MailboxId),
}

/// What is chosen beforehand; nothing of what is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendingDefaults {
    /// Whose.
    pub of: DefaultsOf,
    /// The validity in days (V2).
    pub days: Option<u8>,
    /// Of which downloads the sender is told.
    pub tell: Option<TellDownloads>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_as_yes_or_no_is_still_read() {
        let read = |text: &str| serde_json::from_str::<TellDownloads>(text).unwrap();
        assert_eq!((read("false"), read("true")), (TellDownloads::Never, TellDownloads::First));
        for tell in TellDownloads::ALL {
            let written = serde_json::to_string(&tell).unwrap();
            assert_eq!(written, format!("\"{}\"", tell.code()));
            assert_eq!((read(&written), TellDownloads::from_code(tell.code())), (tell, Some(tell)));
        }
    }
}
