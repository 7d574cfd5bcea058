//! Whether a client's credentials are those the server wants.

use crate::proto::connect::Connect;
use crate::settings::Credentials;

/// Compares in a time that does not depend on where the two differ.
fn same(given: &str, wanted: &str) -> bool {
    let (given, wanted) = (given.as_bytes(), wanted.as_bytes());
    let mut difference = given.len() ^ wanted.len();
    for (index, byte) in wanted.iter().enumerate() {
        difference |= usize::from(given.get(index).copied().unwrap_or(!byte) ^ byte);
    }
    difference == 0
}

/// Source: nats-server `auth.go:processClientOrLeafAuthentication`.
pub fn accepted(credentials: &Credentials, connect: &Connect) -> bool {
    match credentials {
        Credentials::None => true,
        Credentials::Token(token) => same(&connect.token, token),
        Credentials::User { name, password } => same(&connect.user, name) & same(&connect.password, password),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_ones_pass() {
        let of = |user: &str, password: &str, token: &str| Connect {
            user: user.into(),
            password: password.into(),
            token: token.into(),
            ..Connect::default()
        };
        let wanted = Credentials::User { name: "u".into(), password: "secret".into() };
        assert!(accepted(&wanted, &of("u", "secret", "")));
        for (user, password) in [("u", "secre"), ("u", "secrets"), ("u", ""), ("", "secret"), ("x", "secret")]
        {
            assert!(!accepted(&wanted, &of(user, password, "")), "{user} {password}");
        }
        let wanted = Credentials::Token("t".into());
        assert!(accepted(&wanted, &of("", "", "t")) && !accepted(&wanted, &of("t", "t", "")));
        assert!(accepted(&Credentials::None, &of("any", "thing", "")));
    }
}
