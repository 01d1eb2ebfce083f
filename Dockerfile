# The image of NICO: the binary, the ssh client that fetches kubeconfigs, and certificates. It builds for the kind of
# machine that it is built on; the workflows build it on amd64 and on arm64.
FROM rust:1.95-bookworm AS builder
# What the binary is made of stands in it then, where scanners and SBOMs find it.
RUN cargo install cargo-auditable --locked --version 0.7.7
WORKDIR /src
COPY . .
ARG NICO_COMMIT=unknown
ENV NICO_COMMIT=${NICO_COMMIT}
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo auditable build --release --locked --package nico \
 && cp target/release/nico /usr/local/bin/nico

# The binary alone: docker build --target binary --output .
FROM scratch AS binary
COPY --from=builder /usr/local/bin/nico /

FROM debian:bookworm-slim
# ssh wants its user to be known by name.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates openssh-client \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 65532 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin nico
COPY --from=builder /usr/local/bin/nico /usr/local/bin/nico
LABEL org.opencontainers.image.title="NICO" \
      org.opencontainers.image.description="Makes Kubernetes clusters of bare-metal machines with NixOS" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/homystack/NICO" \
      org.opencontainers.image.documentation="https://github.com/homystack/NICO/tree/main/docs"
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/nico"]
CMD ["run"]
