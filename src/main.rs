//! The program: all it does is in the library, so that tests and other programs reach it too.

// Half of the work is making and dropping small trees. Jemalloc keeps what is free in lists of its own; others keep the list in what is
// free, and wait for memory that nobody has looked at for long before they can give it away.
#[cfg(all(any(target_os = "linux", target_os = "macos"), any(target_arch = "x86_64", target_arch = "aarch64")))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[cfg(windows)]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    asynclint::cli::main()
}
