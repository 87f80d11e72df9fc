# The service's image: production dependencies and emitted JavaScript, run by a user without rights.
#
#   docker build -t exai-mcp-server:2.7.0 .
#   docker run -p 8080:8080 -v exai-data:/data exai-mcp-server:2.7.0
#
# The service listens on all addresses of its container, so it asks who calls: its first admin key is shown once, in the
# container's output. EXAI_AUTH=none opens it to everybody, for a port that is published on loopback alone.

# dist/ is the same on every kind of machine, and the tools that make it are pinned for this one.
FROM --platform=linux/amd64 node:26-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts ./scripts
COPY gen ./gen
COPY src ./src
COPY web ./web
RUN npm run build

# The base image's Node is the right one, so the bundled Node (an optional dependency of 210 MB) stays out.
FROM node:26-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM node:26-bookworm-slim
LABEL org.opencontainers.image.title="exai" \
      org.opencontainers.image.version="2.7.0" \
      org.opencontainers.image.description="AI gateway: one typed gRPC/Connect service in front of many model providers"
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 DATA_DIR=/data EXAI_AUTH=key
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json ./
COPY bin ./bin
COPY proto ./proto
RUN ln -s /app/bin/exai /usr/local/bin/exai && install -d -o 1000 -g 1000 /data
# A number, because an orchestrator that demands a user other than root can't look up a name.
USER 1000:1000
VOLUME /data
EXPOSE 8080
# Asks over TLS when the port speaks it; the certificate is for the world's name, not for loopback.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "-e", "require(process.env.TLS_CERT ? 'https' : 'http').get({ host: '127.0.0.1', port: process.env.PORT, path: '/health/ready', rejectUnauthorized: false }, answer => process.exit(answer.statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]
# No shell and no npm in between: the service is process 1 and gets the signals.
ENTRYPOINT ["node", "--min-semi-space-size=4", "dist/bundle/main.js"]
