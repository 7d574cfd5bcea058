//! Why a figure could not be had. A sentence for the person who runs the harness.

use std::fmt;

/// One sentence, already complete: it names the server, the scenario or the file it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(String);

pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    pub fn new(text: impl Into<String>) -> Failure {
        Failure(text.into())
    }

    /// The same failure, told with where it happened in front.
    pub fn at(self, place: &str) -> Failure {
        Failure(format!("{place}: {}", self.0))
    }
}

/// `Err` with a formatted sentence.
macro_rules! fail {
    ($($part:tt)*) => { Err($crate::failure::Failure::new(format!($($part)*))) };
}
pub(crate) use fail;

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Failure::new("the server did not answer in time"),
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof => {
                Failure::new(format!("the server closed a connection ({error})"))
            }
            _ => Failure::new(error.to_string()),
        }
    }
}

impl From<rustix::io::Errno> for Failure {
    fn from(error: rustix::io::Errno) -> Failure {
        std::io::Error::from(error).into()
    }
}
