//! A real Postfix before the gateway and behind it.
