# The image of `isobar`. The bases are pinned by tag; whoever releases it pins them by digest as well
# (node:26-bookworm-slim@sha256:…) and renews that with every patch of Node.

# Sources → dist/.
FROM node:26-bookworm-slim AS build
WORKDIR /isobar
COPY package.json package-lock.json ./
RUN npm ci --omit=optional --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build

# Packages needed to run. The optional ones are the Node of a checkout; the image has its own.
FROM node:26-bookworm-slim AS packages
WORKDIR /isobar
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM node:26-bookworm-slim
# What `isobar capture` runs; the proxy needs none of it.
RUN apt-get update -qq \
  && apt-get install -y -qq --no-install-recommends nftables iproute2 \
  && rm -rf /var/lib/apt/lists/*
# Nothing in it is installed, written or started by a shell at run time.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn-*
WORKDIR /isobar
COPY package.json LICENSE ./
COPY --from=packages /isobar/node_modules ./node_modules
COPY --from=build /isobar/dist ./dist
ENV NODE_ENV=production
# By number, so that Kubernetes can verify runAsNonRoot. The folder stays root's: read-only also without a flag.
USER 65532:65532
# Listener, metrics; the admin server stays on loopback.
EXPOSE 15001 15020
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "/isobar/dist/cli/main.js"]
CMD ["--help"]
