//! Whether the partner is answered (T5, T6): by what the agreement says, what the form's box asks for, and what the person
//! wished. One small table; whoever offers an answer, or sends one, asks it.

/// What an answer to the partner would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartnerAnswer {
    /// The agreement says that the partner is answered.
    Expected,
    /// The insured person is answered, and the partner asked for a copy.
    OnRequest,
    /// The insured person is answered; whether the partner asked for a copy is not known, or it did not: who answers the
    /// partner says so first.
    NotAsked,
    /// The person did not wish that the professional be informed: never.
    NotWished,
}

/// What is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AnswerFacts {
    /// The agreement says that the insured person is answered, and the partner on request only.
    pub answers_person: bool,
    /// Whether the form asks for a copy for the partner; none where it does not say.
    pub copy_to_partner: Option<bool>,
    /// Whether the person wishes that the professional be informed; none where the form does not say.
    pub inform_professional: Option<bool>,
}

impl PartnerAnswer {
    /// Decides. The person's wish comes before everything else.
    pub const fn of(facts: AnswerFacts) -> Self {
        match facts {
            AnswerFacts { inform_professional: Some(false), .. } => Self::NotWished,
            AnswerFacts { answers_person: false, .. } => Self::Expected,
            AnswerFacts { copy_to_partner: Some(true), .. } => Self::OnRequest,
            AnswerFacts { .. } => Self::NotAsked,
        }
    }

    /// Whether an answer may be begun, or sent, when who answers confirmed it or not.
    pub const fn allows(self, confirmed: bool) -> bool {
        match self {
            Self::Expected | Self::OnRequest => true,
            Self::NotAsked => confirmed,
            Self::NotWished => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_person_s_wish_comes_first_then_the_agreement_then_the_box() {
        let said = [None, Some(false), Some(true)];
        for answers_person in [false, true] {
            for copy_to_partner in said {
                for inform_professional in said {
                    let facts = AnswerFacts { answers_person, copy_to_partner, inform_professional };
                    let expected = if inform_professional == Some(false) {
                        PartnerAnswer::NotWished
                    } else if !answers_person {
                        PartnerAnswer::Expected
                    } else if copy_to_partner == Some(true) {
                        PartnerAnswer::OnRequest
                    } else {
                        PartnerAnswer::NotAsked
                    };
                    assert_eq!(PartnerAnswer::of(facts), expected, "{facts:?}");
                }
            }
        }
        assert!(!PartnerAnswer::NotWished.allows(true) && !PartnerAnswer::NotAsked.allows(false));
        assert!(PartnerAnswer::NotAsked.allows(true) && PartnerAnswer::Expected.allows(false));
    }
}
