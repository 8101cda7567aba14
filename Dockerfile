# Two images: "portcullis" (the default: the sidecar of an Nginx beside it) and "all-in-one" (with Nginx).
# A digest pins the bases for good: --build-arg NODE_IMAGE=node@sha256:... --build-arg DEBIAN_IMAGE=debian@sha256:...
ARG NODE_IMAGE=node:24-trixie-slim
ARG DEBIAN_IMAGE=debian:trixie-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
# The bundle's code cache fits the Node.js that made it, so that one goes along.
RUN node .ci/bundle.mjs \
 && mkdir -p /out/usr/local/bin /out/opt/portcullis \
 && cp /usr/local/bin/node /out/usr/local/bin/ \
 && cp -r dist templates package.json LICENSE /out/opt/portcullis/ \
 && ln -s /opt/portcullis/dist/cli.js /out/usr/local/bin/portcullis

FROM ${DEBIAN_IMAGE} AS base
# iptables brings both variants, nft and legacy; iproute2 is what "audit" asks.
RUN apt-get update \
 && apt-get install -y --no-install-recommends iproute2 iptables nftables \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*
COPY --from=build /out /
# Root, because nft and Nginx's reload ask for it: Docker gives NET_ADMIN to no other user, and a file
# capability would not outlive no-new-privileges. All other capabilities can be dropped (compose.yaml).
HEALTHCHECK --interval=15s --timeout=10s --start-period=30s --retries=3 CMD ["portcullis", "status"]
ENTRYPOINT ["portcullis"]
CMD ["watch"]

FROM base AS all-in-one
RUN apt-get update \
 && apt-get install -y --no-install-recommends nginx \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/* /etc/nginx/sites-enabled \
 && mkdir -p /var/log/nginx /run/nginx \
 && cd /var/lib/nginx && install -d -o www-data -m 700 body fastcgi proxy scgi uwsgi
COPY docker/nginx.conf /etc/nginx/nginx.conf
COPY docker/nginx-and-portcullis /usr/local/bin/
# Nginx's workers are www-data. Their folders are there already, so Nginx needs no right to give files away.
ENTRYPOINT ["nginx-and-portcullis"]
CMD ["watch"]

FROM base AS portcullis
