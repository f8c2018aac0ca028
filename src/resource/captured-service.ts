/** A service whose connections are taken where they leave a pod, by the address they are made to. Immutable. */
export interface CapturedService {
  /** Canonical name, `echo.default:50051`: that of its cluster. */
  readonly service: string;
  /** Its ClusterIPs, IP literals, at most one per family. */
  readonly addresses: readonly string[];
  /** Of the Service, 1 to 65,535. */
  readonly port: number;
}
