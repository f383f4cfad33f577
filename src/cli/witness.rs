//! `pli witness`: makes and runs a witness of other logs.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use super::{block_on, ended, failed};
use crate::app::ports::Random;
use crate::audit::NoteKey;
use crate::config::LogSection;
use crate::serve::{WitnessError, bind, run_witness, start_logging};
use crate::store::{SystemRandom, WitnessFiles};

#[derive(Subcommand)]
pub(super) enum Action {
    /// Make a witness: its key, and the logs that it watches. Prints its public key, for the gateways' configuration.
    Init {
        /// The directory of the witness.
        directory: PathBuf,
        /// Its name, as it stands in cosignatures: a domain name that is yours.
        #[arg(long)]
        name: String,
        /// The public key of a log, as `pli key show` tells it; can be repeated.
        #[arg(long = "log", value_name = "KEY", required = true)]
        logs: Vec<String>,
    },
    /// Answer the gateways until SIGTERM. Plain HTTP: what passes is signed and public.
    Serve {
        /// The directory of the witness.
        directory: PathBuf,
        /// Address and port.
        #[arg(long, default_value = "localhost:7380")]
        listen: String,
    },
}

pub(super) fn run(action: Action) -> ExitCode {
    match action {
        Action::Init { directory, name, logs } => {
            let logs: Result<Vec<NoteKey>, _> = logs.iter().map(|log| log.parse()).collect();
            let made = logs.map_err(Into::into).and_then(|logs| {
                let random: &dyn Random = &SystemRandom;
                WitnessFiles::create(&directory, &name, random.bytes(), &logs)
            });
            match made {
                Ok(cosigner) => {
                    println!("{}", cosigner.public());
                    ExitCode::SUCCESS
                }
                Err(error) => failed(&error),
            }
        }
        Action::Serve { directory, listen } => {
            start_logging(&LogSection::default());
            ended::<WitnessError>(block_on(async {
                let bound = bind(&listen).await?;
                run_witness(&directory, bound, |address| println!("ready witness={address}")).await
            }))
        }
    }
}
