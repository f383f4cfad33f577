//! Whether who began to read may read on (invariants 5, 7): asked again and again while a response runs, so that a right
//! that ends, an account that is cut off, a sign-out, a withdrawn or barred link end the response too, not only the next
//! request. Nothing is logged here: the download that is cut logs itself as cut.

use super::ports::Key;
use super::{App, AppError, OutsideReader, Signed};
use crate::identity::{Account, RecipientLink, Session};
use crate::transfer::Transfer;

impl App {
    /// Whether a member may read on: the session lives, the account is active and still reads a mailbox that holds the
    /// transfer. Reading counts as use of the session: a long download does not end by the idleness that it causes.
    pub async fn member_reads_on(&self, signed: &Signed, transfer: &Transfer) -> Result<bool, AppError> {
        if !self.may_still_read(transfer) {
            return Ok(false);
        }
        let now = self.now().at;
        let session: Option<(Session, u64)> = self.read(&Key::Session(signed.session.token)).await?;
        let Some((mut session, version)) = session.filter(|(session, _)| session.is_live(now)) else {
            return Ok(false);
        };
        let account: Option<(Account, u64)> = self.read(&Key::Account(session.account)).await?;
        let entitled = account.is_some_and(|(account, _)| {
            account.is_active() && transfer.holders().any(|holder| account.reads(holder))
        });
        if entitled && session.is_stale(now) {
            session.used_at = now;
            self.unlocked.touch(session.token, now);
            self.touch_session(&session, version).await?;
        }
        Ok(entitled)
    }

    /// Whether the recipient of a link may read on: the link is there and not barred. That its session ends by its age cuts
    /// no download that began in it: the largest files take longer than a session outside lives.
    pub async fn outsider_reads_on(&self, reader: &OutsideReader) -> Result<bool, AppError> {
        if !self.may_still_read(&reader.transfer) {
            return Ok(false);
        }
        let key = Key::RecipientLink((reader.transfer.id, reader.link.id));
        let Some((link, _)) = self.read::<RecipientLink>(&key).await? else { return Ok(false) };
        Ok(self.what_link_opens(&link, self.now().at).await?.is_ok())
    }
}
