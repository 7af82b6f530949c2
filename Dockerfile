# docker build -t token-budget-gateway .
# docker run -p 8080:8080 -v ./config.yaml:/etc/gateway/config.yaml:ro -v gateway-data:/data token-budget-gateway
#
# The store's directory, `./data` beside the configuration by default, is the volume /data. A configuration that is mounted
# as a directory hides that link: it says `store: {data_dir: /data}`.
# The published demo keys are refused on 0.0.0.0: the mounted configuration brings its own (`gateway key new`).

FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/gateway
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY gateway gateway
RUN /opt/gateway/bin/pip install --constraint constraints.txt .

FROM python:3.11-slim-bookworm
RUN groupadd --system --gid 10001 gateway \
 && useradd --system --uid 10001 --gid gateway --home-dir /data --no-create-home --shell /usr/sbin/nologin gateway \
 && install -d -o gateway -g gateway -m 0700 /data \
 && install -d /etc/gateway && ln -s /data /etc/gateway/data
COPY --from=build /opt/gateway /opt/gateway
ENV PATH=/opt/gateway/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["gateway", "health", "--config", "/etc/gateway/config.yaml"]
ENTRYPOINT ["gateway"]
CMD ["serve", "--config", "/etc/gateway/config.yaml", "--host", "0.0.0.0"]
