# The service as one static binary in an empty image, run by nobody in particular.
#
#   docker build -t tillway .
#
# Without a network, add --build-arg GOPROXY=off and give the modules one of these ways:
#   go mod vendor                                                  # vendor/ is used when it is there
#   --build-context modules="$(go env GOMODCACHE)"                 # BuildKit: a module cache, as a folder
#   --build-arg MODULES=IMAGE                                      # any builder: an image that holds a module cache
# Without a registry, name a builder image that is at hand: --build-arg GO_IMAGE=… (Go and CA certificates).
ARG GO_IMAGE=golang:1.26-bookworm
ARG MODULES=scratch

FROM ${MODULES} AS modules
WORKDIR /

FROM ${GO_IMAGE} AS build
ENV CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOTOOLCHAIN=local GOMODCACHE=/go/pkg/mod
COPY --from=modules / /go/pkg/mod/
WORKDIR /src
# Modules change less often than code: a layer of their own, which builds share. Empty, GOPROXY is the default of Go itself.
ARG GOPROXY=
COPY go.mod go.sum ./
RUN [ "$GOPROXY" = off ] || go mod download
COPY . .
# Set by BuildKit to the platform asked for; the compiler's own where they are empty.
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=dev
# timetzdata: an empty image has no time zones to look up.
RUN GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -tags timetzdata -ldflags "-s -w -X main.version=$VERSION" -o /out/server ./cmd/server

FROM scratch
ARG VERSION=dev
LABEL org.opencontainers.image.title="Tillway" \
      org.opencontainers.image.description="A merchant's payment service: orders, charged through Onerway" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/server /server
USER 65532:65532
EXPOSE 8080
# Liveness is /healthz, readiness /readyz, asked from outside: an empty image has no shell or curl to ask with.
ENTRYPOINT ["/server"]
CMD ["serve"]
