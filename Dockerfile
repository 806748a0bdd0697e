# The server in an image without a shell: docker build -t veza .
# Works with BuildKit, which is the default of Docker since version 23.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
# What is compiled stays in caches of the builder, so that a change of our code does not compile the dependencies again.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --release --locked --bin veza \
    && cp target/release/veza /veza \
    && mkdir /data

# The same C library as the stage above, certificates of authorities, a user without rights, and nothing else.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /veza /usr/local/bin/veza
# Where the embedded database lies, unless DATABASE_URL says something else.
COPY --from=build --chown=65532:65532 /data /var/lib/veza
WORKDIR /var/lib/veza
VOLUME /var/lib/veza
# By number, so that a supervisor can see that it is not root: this is nonroot.
USER 65532:65532
ENV LISTEN_ADDR=0.0.0.0:8080 \
    LOG_FORMAT=json
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=4s --start-period=10s --retries=3 CMD ["/usr/local/bin/veza", "health"]
ENTRYPOINT ["/usr/local/bin/veza"]
