//! Puts the gateway together from its configuration: store, objects, keyring, policies, and the two parts that the
//! demonstration has of its own, clock and way out ([`Seams`]).

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::delivery::{MailRelay, RelayError};
use super::policies::{self, PolicyError};
use super::tls::{CertificateError, read_chain};
use crate::app::ports::{
    Clock, Delivery, Keyring, KeyringError, NoSenderAuthentication, ObjectError, Random,
    SenderAuthentication, StoreError, TextRecords,
};
use crate::app::{App, AppError, AppParts, AuditSettings, Scanning, Settings, Timestamping};
use crate::audit::{TimestampAuthority, TimestampError};
use crate::config::{Config, ScannerMode};
use crate::scanner::{Clamd, ClamdAddress, ClamdSettings, TemporaryDirectory};
use crate::smtp::{DnsAuthentication, ResolverError, SignedDelivery};
use crate::store::{
    DirectoryKeyring, DirectoryObjects, EmbeddedStore, KeyringPlaces, SystemClock, SystemRandom,
};
use crate::value::{AddressError, ByteSize, MailAddress, Millis};

/// How long clamd may take to answer a connection or to take a piece of a file.
const SCANNER_STEP_WITHIN: Duration = Duration::from_secs(20);

/// What cannot be opened. The operator must act.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The store.
    #[error("the store cannot be opened; is another gateway running here? {0}")]
    Store(#[from] StoreError),
    /// The object store.
    #[error("the object store cannot be opened; is another gateway running here? {0}")]
    Objects(#[from] ObjectError),
    /// The keyring.
    #[error("the keyring cannot be opened; is another gateway running here? {0}")]
    Keyring(#[from] KeyringError),
    /// The policies.
    #[error(transparent)]
    Policies(#[from] PolicyError),
    /// The way out.
    #[error(transparent)]
    Relay(#[from] RelayError),
    /// The name servers.
    #[error(transparent)]
    Resolver(#[from] ResolverError),
    /// The address that mails come from.
    #[error("[gateway] mail_from: {0}")]
    MailFrom(#[from] AddressError),
    /// The certificate of the timestamp authority.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// What is in that file.
    #[error("[audit] timestamp_authority: {0}")]
    TimestampAuthority(#[from] TimestampError),
    /// The use cases.
    #[error(transparent)]
    App(#[from] AppError),
}

/// The parts that a demonstration has of its own.
pub struct Seams {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The way out for mails.
    pub delivery: Arc<dyn Delivery>,
    /// Who looks up who sent a mail.
    pub senders: Arc<dyn SenderAuthentication>,
    /// Who looks up what is published for our keys.
    pub names: Arc<dyn TextRecords>,
}

impl Seams {
    /// The machine's clock, and the smart host.
    pub fn of(config: &Config) -> Result<Self, OpenError> {
        let names = names(config)?;
        let senders: Arc<dyn SenderAuthentication> = if config.smtp.checks_senders {
            Arc::clone(&names) as _
        } else {
            Arc::new(NoSenderAuthentication)
        };
        Ok(Self {
            clock: Arc::new(SystemClock::new(Some(config.clock.synchronised_file.clone()))),
            delivery: Arc::new(MailRelay::new(config, Arc::new(SystemRandom))?),
            senders,
            names,
        })
    }
}

/// The name servers that the configuration says.
pub fn names(config: &Config) -> Result<Arc<DnsAuthentication>, ResolverError> {
    Ok(Arc::new(DnsAuthentication::new(&config.dns.servers, config.smtp.hostname.clone())?))
}

/// Opens everything. Only one process can.
pub fn open(config: &Config, seams: Seams) -> Result<Arc<App>, OpenError> {
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let store = EmbeddedStore::open(&config.store.directory)?;
    let objects = DirectoryObjects::open(&config.objects.directory, Arc::clone(&random))?;
    let places = KeyringPlaces {
        directory: config.keyring.directory.clone(),
        mirror: config.keyring.mirror.clone(),
        gateway_key_file: config.keyring.gateway_key_file.clone(),
    };
    let keyring: Arc<dyn Keyring> = Arc::new(DirectoryKeyring::open(&places, &random)?);
    let domain = config.smtp.mail_domain.clone();
    let delivery = SignedDelivery::new(seams.delivery, Arc::clone(&keyring), domain);
    let parts = AppParts {
        store: Arc::new(store),
        objects: Arc::new(objects),
        keyring,
        clock: seams.clock,
        random,
        delivery: Arc::new(delivery),
        scanning: scanning(config),
        senders: seams.senders,
        names: seams.names,
        policies: policies::load(config.policies.directory.as_deref())?,
        settings: settings(config)?,
    };
    Ok(Arc::new(App::new(parts)?))
}

/// The scanner, if files are inspected.
fn scanning(config: &Config) -> Option<Scanning> {
    let clamd = clamd(config)?;
    let hours = config.scanner.signatures_max_age_hours;
    let signatures_max_age = (hours > 0).then(|| Millis::hours(i64::from(hours)));
    Some(Scanning { scanner: Arc::new(clamd), signatures_max_age })
}

/// clamd as the configuration names it, if files are inspected.
pub fn clamd(config: &Config) -> Option<Clamd> {
    let section = &config.scanner;
    if section.mode == ScannerMode::Off {
        return None;
    }
    let address = match &section.address {
        Some(address) => ClamdAddress::Tcp(address.clone()),
        None => ClamdAddress::Unix(section.socket.clone()),
    };
    Some(Clamd::new(ClamdSettings {
        address,
        temporary_directory: TemporaryDirectory::new(section.temporary_directory.clone().unwrap_or_default()),
        largest: ByteSize::mebibytes(u64::from(section.file_max_mib)),
        streams_at_once: usize::try_from(section.streams_at_once).unwrap_or(1),
        step_within: SCANNER_STEP_WITHIN,
        verdict_within: Duration::from_secs(u64::from(section.verdict_within_s)),
    }))
}

/// The timestamp authority of the configuration, if there is one.
pub fn timestamps(config: &Config) -> Result<Option<Timestamping>, OpenError> {
    let (Some(url), Some(path)) = (&config.audit.timestamp_url, &config.audit.timestamp_authority) else {
        return Ok(None);
    };
    let authority = TimestampAuthority::new(read_chain(path)?)?;
    Ok(Some(Timestamping { url: url.clone(), authority, every: config.audit.timestamps_every() }))
}

fn settings(config: &Config) -> Result<Settings, OpenError> {
    let mail_domain = config.smtp.mail_domain.clone();
    let mail_from = match &config.gateway.mail_from {
        Some(address) => address.clone(),
        None => MailAddress::parse(&format!("ne-pas-repondre@{mail_domain}"))?,
    };
    Ok(Settings {
        base_url: config.gateway.base_url.clone(),
        mail_from,
        postmaster: config.gateway.postmaster.clone(),
        mail_from_name: config.gateway.mail_from_name.clone(),
        log_origin: config.gateway.log_origin.clone().unwrap_or_else(|| mail_domain.to_string()),
        mail_domain,
        recovery: config.recovery.recipient.clone(),
        audit: AuditSettings { timestamps: timestamps(config)?, ..config.audit.settings() },
    })
}
