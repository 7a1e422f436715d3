# The image of the controller: docker build -t flagger-py:0.1.0 .
#
# Both base images are named by tag here. Name them by digest where you build, so that the same build stays the same:
#   --build-arg BUILD_IMAGE=python:3.11-slim-bookworm@sha256:...
#   --build-arg RUNTIME_IMAGE=gcr.io/distroless/python3-debian12:nonroot@sha256:...
# The runtime image is Debian 12's Python 3.11 and what it needs: no shell, no pip, no package manager. Any image will do
# that has Python 3.11 at /usr/bin/python3.
ARG BUILD_IMAGE=python:3.11-slim-bookworm
ARG RUNTIME_IMAGE=gcr.io/distroless/python3-debian12:nonroot

FROM ${BUILD_IMAGE} AS build
WORKDIR /app
COPY requirements.txt /build/requirements.txt
RUN python3 -m pip install --no-cache-dir --no-compile --no-deps --require-hashes --only-binary :all: --target /app --requirement /build/requirements.txt
# What pip puts into bin is of no use here.
RUN rm -r /app/bin
COPY hack/image/flagger /app/bin/flagger
COPY controller /app/controller
COPY deploy /app/deploy
COPY informers /app/informers
COPY metrics /app/metrics
COPY router /app/router
# Compiled once, here, and believed without looking at the source: the file system is read-only where it runs.
RUN python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /app

FROM ${RUNTIME_IMAGE}
LABEL org.opencontainers.image.title="flagger-py" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /app /app
# Threads share two heaps of glibc's: with one each, a tenth of the memory is held for threads that need none.
ENV PATH=/app/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/app \
    PYTHONSAFEPATH=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=2
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["flagger"]
