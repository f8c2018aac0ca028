# The image of all of Isobar's commands, for amd64 and arm64. Node's version is exact; a release pins the image by digest as well, so that what was
# tested is what is built:
#   docker buildx imagetools inspect node:26.10.0-bookworm-slim      # prints the digest of the list of both platforms
#   docker buildx build --build-arg NODE_IMAGE=node:26.10.0-bookworm-slim@sha256:… --platform linux/amd64,linux/arm64 .
ARG NODE_IMAGE=node:26.10.0-bookworm-slim

# Sources → dist/. JavaScript is the same for all platforms: built once, on the builder's own.
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS build
WORKDIR /isobar
COPY package.json package-lock.json ./
RUN npm ci --omit=optional --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/image ./scripts/image
COPY src ./src
RUN npm run build
RUN node scripts/image/prune.ts dist

# Packages needed to run. The optional ones are the Node of a checkout; the image has its own.
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS packages
WORKDIR /isobar
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund
COPY scripts/image ./scripts/image
RUN node scripts/image/prune.ts node_modules

# Node, and what `isobar capture` runs, with their libraries: a tree of its own, because the base has a shell, a package manager and npm.
FROM ${NODE_IMAGE} AS files
WORKDIR /isobar
RUN apt-get update -qq \
  && apt-get install -y -qq --no-install-recommends binutils iproute2 nftables \
  && rm -rf /var/lib/apt/lists/*
COPY scripts/image ./scripts/image
RUN node scripts/image/collect-files.ts /image node nft ip ss

FROM scratch
COPY --from=files /image /
WORKDIR /isobar
COPY package.json LICENSE ./
COPY --from=packages /isobar/node_modules ./node_modules
COPY --from=build /isobar/dist ./dist
ENV NODE_ENV=production PATH=/usr/local/bin:/usr/sbin:/usr/bin
# By number, so that Kubernetes can verify runAsNonRoot. All files are root's: read-only also without a flag.
USER 65532:65532
STOPSIGNAL SIGTERM
# By way of the launcher, which gives the daemons less memory than Node takes by itself.
ENTRYPOINT ["/usr/local/bin/isobar"]
CMD ["--help"]
