//! The program: all it does is in the library, so that tests and other programs reach it too.

// Half of the work is making and dropping small trees.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    asynclint::cli::main()
}
