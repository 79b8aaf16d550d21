# The image: the lentil binary with the dashboard in it, the Node that runs functions, the npm that installs
# external packages of Node actions, and nothing else that matters.
#   docker build -t lentil . && docker run -p 3210:3210 -p 3211:3211 -p 6791:6791 -v lentil:/convex/data lentil

FROM node:24-bookworm-slim AS node

# What `cargo xtask dashboard` does.
FROM node AS dashboard
WORKDIR /source/dashboard
COPY dashboard/package.json dashboard/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY dashboard ./
COPY xtask/src/compress.mjs /source/compress.mjs
RUN npm run build \
 && node --input-type=module --eval "$(cat /source/compress.mjs)" dist

FROM rust:1.95-slim-bookworm AS build
WORKDIR /source
COPY . .
# The server embeds these files; `dist` of the checkout is not copied.
COPY --from=dashboard /source/dashboard/dist dashboard/dist
RUN test -f dashboard/dist/index.html && cargo build --locked --profile dist --package lentil

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates curl \
 && rm -rf /var/lib/apt/lists/*
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /usr/local/lib/node_modules/npm /usr/local/lib/node_modules/npm
COPY --from=build /source/target/dist/lentil /usr/local/bin/lentil
COPY docker/generate_admin_key.sh /convex/generate_admin_key.sh
WORKDIR /convex
ENV LENTIL_DATA=/convex/data \
    LENTIL_LISTEN=0.0.0.0 \
    LENTIL_NODE=/usr/local/bin/node
VOLUME /convex/data
EXPOSE 3210 3211 6791
STOPSIGNAL SIGINT
HEALTHCHECK --interval=5s --start-period=10s CMD curl -fsS http://localhost:3210/version
ENTRYPOINT ["lentil"]
CMD ["serve"]
