# The project's packages, without the project: docs/machines.md.
FROM python:3.11-slim-bookworm
ARG REQUIREMENTS=requirements-cpu.txt
RUN apt-get update \
    && apt-get install -y --no-install-recommends git make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /install
COPY requirements*.txt constraints.txt ./
RUN pip install --no-cache-dir -r ${REQUIREMENTS}
# the mounted folder belongs to another user than the one that built this
RUN git config --system --add safe.directory /cm3d
ENV PYTHONPATH=src HOME=/tmp DVC_NO_ANALYTICS=true
WORKDIR /cm3d
