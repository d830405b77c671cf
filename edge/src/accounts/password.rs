//! Passwords: Argon2id, as a PHC string that says how it was made. The only place that knows the parameters.
//!
//! 19 MiB and two passes are OWASP's first choice. A Worker's CPU is one thread of an isolate of 128 MB: see ARCHITECTURE for what one
//! hash was measured to take there.

use std::cell::RefCell;

use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version};

use crate::error::Error;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

thread_local! {
    /// Stands in where there is no account, so that looking at a password takes as long.
    static NOBODYS: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// What a look at a password showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Right,
    /// But hashed as one would not do it any more.
    RightAndOld,
    Wrong,
}

fn hasher() -> Result<Argon2<'static>, Error> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(Error::bug)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The hash of a password, with a salt of its own.
pub(crate) fn hash(password: &str) -> Result<String, Error> {
    let hash: PasswordHash = hasher()?.hash_password(password.as_bytes()).map_err(Error::bug)?;
    Ok(hash.to_string())
}

/// Whether `password` has this hash. Without one it takes as long, and is wrong.
pub(crate) fn verify(password: &str, stored: Option<&str>) -> Result<Verdict, Error> {
    let Some(stored) = stored else {
        let nobodys = match NOBODYS.take() {
            Some(nobodys) => nobodys,
            None => hash("nobody has this password")?,
        };
        let _ = look(password, &nobodys)?;
        NOBODYS.set(Some(nobodys));
        return Ok(Verdict::Wrong);
    };
    look(password, stored)
}

fn look(password: &str, stored: &str) -> Result<Verdict, Error> {
    let stored = PasswordHash::new(stored).map_err(Error::bug)?;
    let hasher = hasher()?;
    // The parameters of the stored one count, so passwords of before go on being right.
    if hasher.verify_password(password.as_bytes(), &stored).is_err() {
        return Ok(Verdict::Wrong);
    }
    let made = Params::try_from(&stored).map_err(Error::bug)?;
    let is_current = (made.m_cost(), made.t_cost(), made.p_cost()) == (MEMORY_KIB, PASSES, LANES);
    Ok(if is_current { Verdict::Right } else { Verdict::RightAndOld })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_by_its_hash_and_nobody_has_none() {
        let stored = hash("correct horse").unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert_ne!(stored, hash("correct horse").unwrap(), "each has a salt of its own");
        assert_eq!(verify("correct horse", Some(&stored)).unwrap(), Verdict::Right);
        assert_eq!(verify("correct  horse", Some(&stored)).unwrap(), Verdict::Wrong);
        assert_eq!(verify("nobody has this password", None).unwrap(), Verdict::Wrong);
    }

    #[test]
    fn a_hash_of_before_is_right_and_old() {
        let before = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8 * 1024, 1, 1, None).unwrap());
        let stored: PasswordHash = before.hash_password(b"correct horse").unwrap();
        assert_eq!(verify("correct horse", Some(&stored.to_string())).unwrap(), Verdict::RightAndOld);
    }
}
