//! The binary: the command line, and how it ends.

use std::process::ExitCode;

use veza::{command::CommandLine, config};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Two libraries ask the process for its cryptography; both get the same.
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    match config::load_dotenv().and_then(|names| CommandLine::read(names).run()) {
        Ok(code) => code,
        Err(why) => {
            #[expect(
                clippy::print_stderr,
                reason = "the last words of a command go to the terminal"
            )]
            {
                eprintln!("veza: {why}");
            }
            ExitCode::FAILURE
        }
    }
}
