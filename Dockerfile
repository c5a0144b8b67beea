# A Valkey with the module:  docker build -t vset . && docker run -p 6379:6379 vset
# For another server:        docker build --build-arg SERVER=redis:7.4-bookworm -t vset .
ARG SERVER=valkey/valkey:9

FROM rust:1-bookworm AS build
WORKDIR /vset
COPY Cargo.toml Cargo.lock LICENSE README.md ./
COPY src src
COPY benches benches
COPY tests/core tests/core
RUN cargo build --release --locked && strip --strip-unneeded -o libvset.so target/release/libvset.so && chmod 755 libvset.so

FROM ${SERVER}
COPY --from=build /vset/libvset.so /usr/local/lib/libvset.so
COPY --from=build /vset/LICENSE /usr/share/doc/vset/LICENSE
# The images' entry points put the server's name before options.
CMD ["--loadmodule", "/usr/local/lib/libvset.so", "--protected-mode", "no"]
