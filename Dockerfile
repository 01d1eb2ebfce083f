# The image of NICO: the binary, and certificates for the API server's.
FROM rust:1.95-bookworm AS builder
WORKDIR /src
COPY . .
ARG NICO_COMMIT=unknown
ENV NICO_COMMIT=${NICO_COMMIT}
RUN cargo build --release --locked --package nico

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/*
COPY --from=builder /src/target/release/nico /usr/local/bin/nico
LABEL org.opencontainers.image.title="NICO" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/homystack/NICO"
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/nico"]
