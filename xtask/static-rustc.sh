#!/bin/sh
# `cargo xtask dist` puts this before rustc (RUSTC_WORKSPACE_WRAPPER). It links the
# program `fusebox` with the C library inside, and leaves all else as it is: so what
# it is made of, wasmtime above all, is compiled once for all kinds of builds.
case " $* " in
*" --crate-name fusebox "*" --crate-type bin "*) exec "$@" -C target-feature=+crt-static ;;
esac
exec "$@"
