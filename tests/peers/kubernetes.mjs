// Holds the manifests against what they refer to: each other, the configuration, the Caddyfile, Prometheus's configuration, the
// schema of the ServiceMonitor, and Kubernetes' restricted standard for pods. Their own schemas are up to kubernetes-validate.
//   kubectl kustomize deploy/kubernetes | node kubernetes.mjs DEPLOY
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(resolve("package.json"));
const { parse, parseAllDocuments } = require("yaml");
const monitors = "node_modules/@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/index.js";
const { ServiceMonitor } = await import(pathToFileURL(resolve(monitors)));

const folder = process.argv[2];
const read = (path) => readFileSync(join(folder, path), "utf8");
const objects = parseAllDocuments(readFileSync(0, "utf8")).map((document) => document.toJS());
const one = (kind) => {
    const found = objects.filter((object) => object.kind === kind);
    assert.equal(found.length, 1, kind);
    return found[0];
};
const selects = (selector, labels, who) => {
    for (const [name, value] of Object.entries(selector)) assert.equal(labels[name], value, `${who} selects ${name}`);
};
const config = (prefix) => objects.find((object) => object.kind === "ConfigMap" && object.metadata.name.startsWith(prefix));
const toml = config("microalign-config").data["microalign.toml"];
const [deployment, service, monitor] = ["Deployment", "Service", "ServiceMonitor"].map(one);
const pod = deployment.spec.template;
const containers = [...pod.spec.initContainers, ...pod.spec.containers];
const [serving] = pod.spec.containers;
const port = (name) => serving.ports.find((port) => port.name === name);

// Who selects whom.
const labels = pod.metadata.labels;
selects(deployment.spec.selector.matchLabels, labels, "the deployment");
selects(service.spec.selector, labels, "the service");
selects(one("PodDisruptionBudget").spec.selector.matchLabels, labels, "the disruption budget");
selects(one("NetworkPolicy").spec.podSelector.matchLabels, labels, "the network policy");
for (const spread of pod.spec.topologySpreadConstraints) selects(spread.labelSelector.matchLabels, labels, "the spreading");
selects(monitor.spec.selector.matchLabels, service.metadata.labels, "the monitor");

// Ports lead to where the program listens.
assert.equal(Number(/^listen = ".*:(\d+)"$/m.exec(toml)[1]), port("http").containerPort);
const http = service.spec.ports.find((port) => port.name === "http");
assert.ok(port(http.targetPort), "the service leads to a port of the container");
for (const { ports } of one("NetworkPolicy").spec.ingress) for (const { port: name } of ports) assert.ok(port(name), name);

// Prometheus finds what deploy/prometheus/prometheus.yml finds. The schema lets unknown keys through.
new ServiceMonitor(monitor).validate();
const [scrape] = parse(read("prometheus/prometheus.yml")).scrape_configs;
assert.deepEqual(monitor.spec.endpoints, [{ port: http.name, path: scrape.metrics_path ?? "/metrics", interval: scrape.scrape_interval }]);
assert.equal(service.metadata.labels[monitor.spec.jobLabel], scrape.job_name);
const inside = /INSIDE.*= \[(.*)\]/.exec(read("../src/http/routes.rs"))[1];
assert.ok(inside.includes(`"${monitor.spec.endpoints[0].path}"`), "the program serves its metrics there");

// Probes. To start the replicas anew doesn't bring a database back.
assert.equal(serving.readinessProbe.httpGet.path, "/readyz");
for (const probe of [serving.startupProbe, serving.livenessProbe]) assert.equal(probe.httpGet.path, "/healthz");
for (const name of ["startupProbe", "readinessProbe", "livenessProbe"]) assert.ok(port(serving[name].httpGet.port), name);
// The program ends within 10 s.
assert.ok(pod.spec.terminationGracePeriodSeconds >= serving.lifecycle.preStop.sleep.seconds + 15);
assert.equal(deployment.spec.strategy.rollingUpdate.maxUnavailable, 0);

// The way in is as wide as Caddy's.
const outside = /@outside path (.*)/.exec(read("Caddyfile"))[1].split(" ");
assert.equal(/@outside path (.*)/.exec(read("Caddyfile.replicas"))[1], outside.join(" "), "Caddyfile.replicas");
const paths = one("Ingress").spec.rules.flatMap(({ http }) => http.paths);
assert.deepEqual(paths.map(({ path, pathType }) => (pathType === "Prefix" ? `${path}*` : path)).sort(), outside.toSorted());
for (const { backend } of paths) assert.deepEqual(backend.service, { name: service.metadata.name, port: { name: http.name } });

// What is mounted is there, and what the configuration names is mounted.
const secret = parse(read("kubernetes/secret.example.yaml"));
const mounted = Object.fromEntries(pod.spec.volumes.map((volume) => [volume.name, volume]));
assert.equal(mounted.secrets.secret.secretName, secret.metadata.name);
const named = [...toml.matchAll(/\$\{file:secrets\/([^}]+)\}/g)].map(([, name]) => name);
assert.deepEqual(named.sort(), Object.keys(secret.stringData).sort(), "the secrets of the example are those of the configuration");
assert.deepEqual(Object.values(secret.stringData).filter(Boolean), [], "the example has no secrets");
assert.ok(!/\$\{(?!file:)/.test(toml), "the configuration needs no environment");
for (const { configMap } of Object.values(mounted).filter(({ configMap }) => configMap && !configMap.optional)) {
    assert.ok(config(configMap.name), configMap.name);
}
assert.equal(config("microalign-rules").metadata.name, "microalign-rules", "changed rules replace no pods");
for (const { name, volumeMounts } of containers) {
    for (const mount of volumeMounts) assert.ok(mounted[mount.name], `${name} mounts ${mount.name}`);
    // The files of a subPath are never exchanged.
    for (const folder of ["rules", "templates"]) {
        const mount = volumeMounts.find((mount) => mount.name === folder);
        assert.deepEqual([mount.mountPath, mount.subPath], [`/etc/microalign/${folder}`, undefined]);
    }
}

// https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted, and a little more.
assert.equal(pod.spec.automountServiceAccountToken, false);
assert.equal(pod.spec.securityContext.runAsNonRoot, true);
assert.equal(pod.spec.securityContext.seccompProfile.type, "RuntimeDefault");
for (const key of ["hostNetwork", "hostPID", "hostIPC"]) assert.ok(!pod.spec[key], key);
for (const { name, ...kind } of pod.spec.volumes) {
    assert.ok(["configMap", "secret", "emptyDir"].includes(Object.keys(kind)[0]), name);
}
for (const { name, securityContext, resources } of containers) {
    const expected = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } };
    assert.deepEqual(securityContext, expected, name);
    assert.ok(resources.requests.memory && resources.limits.memory, name);
}
console.log(`${objects.length} manifests fit together`);
