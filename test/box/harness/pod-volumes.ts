import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { TrustedCluster } from "../../kube/harness/trusted-cluster.ts";
import type { Mount } from "./box-container.ts";
import type { ContainerSpec, NamedFiles, PodObject, ProjectedSource, VolumeSpec } from "./pod-template.ts";

const ACCOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount";
const ACCOUNT_VOLUME = "kube-api-access";
/** Where kubelets have the file's version. */
const DATA = "..2026_11_24";

/** What a kubelet knows besides the Pod. */
export interface VolumeSources {
  readonly trusted: TrustedCluster;
  /** Certificates that the API server is trusted by: the ConfigMap kube-root-ca.crt of every namespace. */
  readonly apiServerCa: string;
  /** The node's own folder for a hostPath. */
  readonly hostFolder: (path: string) => string;
}

interface WithData {
  readonly data?: Readonly<Record<string, string>>;
}

/** The volumes of a Pod as folders of this machine, made as kubelets make them: with their users, modes and links. */
export class PodVolumes {
  readonly #pod: PodObject;
  readonly #sources: VolumeSources;
  readonly #folder: string;
  readonly #places = new Map<string, string>();

  private constructor(pod: PodObject, sources: VolumeSources, folder: string) {
    this.#pod = pod;
    this.#sources = sources;
    this.#folder = folder;
  }

  /** Rejects while something that is mounted is not there; kubelets try again then. @param folder of this Pod alone. */
  static async make(pod: PodObject, sources: VolumeSources, folder: string): Promise<PodVolumes> {
    const volumes = new PodVolumes(pod, sources, folder);
    const { automountServiceAccountToken = true, volumes: specs = [] } = pod.spec;
    for (const each of specs) volumes.#places.set(each.name, await volumes.#make(each));
    if (automountServiceAccountToken) await volumes.#makeAccount();
    return volumes;
  }

  /** A folder of this machine, that ends with a slash. */
  folderOf(name: string): string {
    const place = this.#places.get(name);
    if (place === undefined)
      throw new Error(`${this.#pod.metadata.name}: volumeMounts name ${name}, which volumes have not`);
    return place;
  }

  mountsOf({ volumeMounts = [] }: ContainerSpec): readonly Mount[] {
    const mounts = volumeMounts.map(({ name, mountPath, readOnly = false }) => ({
      source: this.folderOf(name),
      target: mountPath,
      readOnly,
    }));
    const account = this.#places.get(ACCOUNT_VOLUME);
    return account === undefined
      ? mounts
      : [...mounts, { source: account, target: ACCOUNT_PATH, readOnly: true }];
  }

  async #make({ name, configMap, secret, emptyDir, hostPath, projected }: VolumeSpec): Promise<string> {
    if (configMap !== undefined) return this.#files(name, await this.#stored("ConfigMap", configMap));
    if (secret !== undefined)
      return this.#files(name, await this.#stored("Secret", { name: secret.secretName }));
    if (projected !== undefined) return this.#projected(name, projected.sources);
    if (hostPath !== undefined) return `${this.#sources.hostFolder(hostPath.path)}/`;
    if (emptyDir === undefined)
      throw new Error(`volume ${name} is of a kind that this harness does not know`);
    const place = join(this.#folder, name);
    mkdirSync(place, { recursive: true });
    const { fsGroup } = this.#pod.spec.securityContext ?? {};
    if (fsGroup !== undefined) chownSync(place, 0, fsGroup);
    chmodSync(place, fsGroup === undefined ? 0o777 : 0o2777);
    return `${place}/`;
  }

  async #makeAccount(): Promise<void> {
    const token = { path: "token", expirationSeconds: 3_607 };
    const files = await this.#projectedFiles([{ serviceAccountToken: token }]);
    files.set("ca.crt", this.#sources.apiServerCa);
    files.set("namespace", this.#pod.metadata.namespace ?? "");
    this.#places.set(ACCOUNT_VOLUME, this.#files(ACCOUNT_VOLUME, files, ["token"]));
  }

  async #projected(name: string, sources: readonly ProjectedSource[]): Promise<string> {
    const tokens = sources.flatMap(({ serviceAccountToken }) => serviceAccountToken?.path ?? []);
    return this.#files(name, await this.#projectedFiles(sources), tokens);
  }

  async #projectedFiles(sources: readonly ProjectedSource[]): Promise<Map<string, string>> {
    const files = new Map<string, string>();
    const { namespace, name } = this.#pod.metadata;
    for (const { serviceAccountToken, configMap, secret } of sources) {
      if (configMap !== undefined)
        for (const [path, text] of await this.#stored("ConfigMap", configMap)) files.set(path, text);
      if (secret !== undefined)
        for (const [path, text] of await this.#stored("Secret", secret)) files.set(path, text);
      if (serviceAccountToken === undefined) continue;
      const { audience = "", path, expirationSeconds = 3_600 } = serviceAccountToken;
      const account = `${namespace}/${this.#pod.spec.serviceAccountName}`;
      const wish = { pod: name, audience, seconds: expirationSeconds };
      files.set(path, await this.#sources.trusted.token(account, wish));
    }
    return files;
  }

  async #stored(kind: "ConfigMap" | "Secret", { name, items }: NamedFiles): Promise<Map<string, string>> {
    const { namespace = "" } = this.#pod.metadata;
    const object = { apiVersion: "v1", kind, metadata: { namespace, name } };
    const { data: stored = {} } = (await this.#sources.trusted.api.writer.get(object)) as WithData;
    const decoded = (text: string): string => Buffer.from(text, "base64").toString();
    const data = new Map(
      Object.entries(stored).map(([key, text]) => [key, kind === "Secret" ? decoded(text) : text]),
    );
    if (items === undefined) return data;
    return new Map(
      items.map(({ key, path }) => {
        const text = data.get(key);
        if (text === undefined) throw new Error(`${kind} ${namespace}/${name} has no key ${key}`);
        return [path, text];
      }),
    );
  }

  /** Files behind links, so that all change at once. Tokens are for the Pod's one user, for its group, or for all: as `pkg/volume/projected` of Kubernetes. */
  #files(name: string, files: ReadonlyMap<string, string>, tokens: readonly string[] = []): string {
    const place = join(this.#folder, name);
    mkdirSync(join(place, DATA), { recursive: true });
    const { fsGroup } = this.#pod.spec.securityContext ?? {};
    const user = this.#onlyUser();
    for (const [path, text] of files) {
      const file = join(place, DATA, path);
      mkdirSync(dirname(file), { recursive: true });
      const isPrivate = tokens.includes(path) && (fsGroup ?? user) !== undefined;
      writeFileSync(file, text);
      chownSync(file, isPrivate ? (user ?? 0) : 0, fsGroup ?? 0);
      chmodSync(file, isPrivate ? (fsGroup === undefined ? 0o600 : 0o640) : 0o644);
      symlinkSync(join("..data", path), join(place, path));
    }
    symlinkSync(DATA, join(place, "..data"));
    return `${place}/`;
  }

  /** undefined: containers run as several users, or it is not said as which. */
  #onlyUser(): number | undefined {
    const { initContainers = [], containers, securityContext: { runAsUser } = {} } = this.#pod.spec;
    const users = [...initContainers, ...containers].map(
      ({ securityContext }) => securityContext?.runAsUser ?? runAsUser,
    );
    return new Set(users).size === 1 ? users[0] : undefined;
  }
}
