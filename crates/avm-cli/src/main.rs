//! The `avm` binary.

fn main() -> std::process::ExitCode {
    avm_cli::app::main(std::env::args_os().collect())
}
