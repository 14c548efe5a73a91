//! The program: all it does is in the library, so that tests and other programs reach it too.

fn main() -> std::process::ExitCode {
    asynclint::cli::main()
}
