# One image for every process of the service; docker-compose.yml says which runs what.

ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS builder
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
# Where torch comes from. Left empty, pip's own index serves the build with CUDA, which is gigabytes larger;
# give the index of torch's CPU builds here: docker build --build-arg TORCH_INDEX_URL=… .
ARG TORCH_INDEX_URL=""
ENV PATH=/venv/bin:$PATH \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /venv && pip install 'pip>=25.1'
WORKDIR /build
COPY pyproject.toml constraints.txt ./
RUN torch="$(sed -n 's/.*"\(torch==[^"]*\)".*/\1/p' pyproject.toml)" \
    && pip install ${TORCH_INDEX_URL:+--index-url "$TORCH_INDEX_URL"} --constraint constraints.txt "$torch"
# An empty package stands in for ours, so that a change of our code does not fetch everything again.
RUN mkdir docrelay && touch docrelay/__init__.py README.md LICENSE \
    && pip install --constraint constraints.txt . --group service --group openvino
COPY README.md LICENSE ./
COPY docrelay docrelay
RUN pip install --no-deps --force-reinstall .

FROM python:${PYTHON}-slim
# Of each language to be read in scans beside English, Debian's package: "tesseract-ocr-deu tesseract-ocr-fra".
ARG OCR_PACKAGES=""
# libgomp: torch's threads. tini: passes SIGTERM on and buries document processes whose parent has died.
# tesseract-ocr-*: the language files of OCR; its library is in a wheel.
# Their newest versions are wanted, and pinned ones vanish from the mirrors.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 tini tesseract-ocr-eng tesseract-ocr-osd ${OCR_PACKAGES} \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home docrelay \
    && install --directory --owner=docrelay --group=docrelay --mode=0700 /var/lib/docrelay /var/lib/docrelay/flower
COPY --from=builder /venv /venv
WORKDIR /srv/docrelay
COPY docrelay docrelay
COPY config config
COPY pipelines pipelines
COPY app app
COPY tasks tasks
# The model is in the image, so no process may go and ask a hub for it.
# hadolint ignore=DL3064
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HF_HUB_OFFLINE=1 \
    TOKENIZERS_PARALLELISM=false \
    DOCRELAY_HOME=/var/lib/docrelay
# By number, so that a cluster can see that it is not root.
USER 10001
ENTRYPOINT ["tini", "--"]
CMD ["python", "-m", "app", "--help"]
