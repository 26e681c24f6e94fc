# A slim image with the models that ship: `headpose serve` answers photos over HTTP, and any
# other sub-command works on files below /data.
#
#   docker build -t headpose .
#   docker run --rm -p 127.0.0.1:8000:8000 headpose
#   docker run --rm -v "$PWD:/data" headpose image photo.jpg --csv heads.csv
#
# --build-arg EXTRAS=rest,video adds videos.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS wheel
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY headpose headpose
COPY models models
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:${PYTHON}-slim
ARG EXTRAS=rest
COPY --from=wheel /wheels /wheels
# OpenCV without windows needs no graphics library, which this image has not.
RUN pip install --no-cache-dir --root-user-action ignore "$(ls /wheels/*.whl)[${EXTRAS}]" \
    && pip uninstall --yes --root-user-action ignore opencv-python \
    && pip install --no-cache-dir --root-user-action ignore "opencv-python-headless>=4.10,<5" \
    && rm -r /wheels \
    && useradd --create-home headpose
USER headpose
WORKDIR /data
EXPOSE 8000
HEALTHCHECK --start-period=30s CMD ["python", "-c", \
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=5)"]
ENTRYPOINT ["headpose"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
