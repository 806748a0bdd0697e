//! The messages and service traits that build.rs made of proto/. The modules nest as the packages do.
#![allow(
    missing_docs,
    unused_qualifications,
    clippy::pedantic,
    reason = "generated; the documentation stands in the proto files"
)]

macro_rules! package {
    ($area:ident, $name:literal) => {
        pub mod $area {
            pub mod v1 {
                tonic::include_proto!($name);
            }
        }
    };
}

package!(access, "veza.access.v1");
package!(auth, "veza.auth.v1");
package!(chat, "veza.chat.v1");
package!(event, "veza.event.v1");
package!(meta, "veza.meta.v1");
package!(stream, "veza.stream.v1");
package!(r#type, "veza.r#type.v1");
package!(user, "veza.user.v1");
