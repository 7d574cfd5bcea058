//! The shapes in which one server must behave as one server: how many shards, on which driver, and where
//! connections live.

use super::program;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub shards: usize,
    pub driver: &'static str,
    pub placement: &'static str,
}

impl Shape {
    pub const ONE: Shape = Shape { shards: 1, driver: "uring", placement: "spread" };
    pub const TWO: Shape = Shape { shards: 2, driver: "uring", placement: "spread" };
    pub const FOUR: Shape = Shape { shards: 4, driver: "uring", placement: "spread" };
    pub const ONE_EPOLL: Shape = Shape { shards: 1, driver: "epoll", placement: "spread" };
    pub const TWO_EPOLL: Shape = Shape { shards: 2, driver: "epoll", placement: "spread" };
    pub const FOUR_EPOLL: Shape = Shape { shards: 4, driver: "epoll", placement: "spread" };
    pub const HOME: Shape = Shape { shards: 2, driver: "uring", placement: "home" };

    /// A peer has one shape only: the others would test it again.
    pub fn applies(self) -> bool {
        program::is_corebus() || self == Shape::TWO
    }
}

/// Makes one test of each shape from each function `fn(Shape)`, named `<function>::<shape>`.
macro_rules! in_every_shape {
    ($($(#[$attribute:meta])* $name:ident;)*) => {$(
        $(#[$attribute])*
        mod $name {
            use crate::support::shape::Shape;
            crate::support::shape::in_every_shape! { @one $name
                one_shard ONE, two_shards TWO, four_shards FOUR, one_shard_epoll ONE_EPOLL,
                two_shards_epoll TWO_EPOLL, four_shards_epoll FOUR_EPOLL, two_shards_home HOME
            }
        }
    )*};
    (@one $function:ident $($name:ident $shape:ident),*) => {$(
        #[test]
        fn $name() {
            if Shape::$shape.applies() {
                super::$function(Shape::$shape);
            }
        }
    )*};
}
pub(crate) use in_every_shape;
