import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { create, createFileRegistry, toBinary } from "@bufbuild/protobuf";
import {
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";

const NAME = "xds.data.orca.v3.OrcaLoadReport";
const DOUBLES: Readonly<Record<string, number>> = {
  cpu_utilization: 1,
  mem_utilization: 2,
  rps_fractional: 6,
  eps: 7,
  application_utilization: 9,
};
const MAPS: Readonly<Record<string, readonly [number, string]>> = {
  request_cost: [4, "RequestCostEntry"],
  utilization: [5, "UtilizationEntry"],
  named_metrics: [8, "NamedMetricsEntry"],
};

/** The fields of an OrcaLoadReport as the protobuf runtime has them. */
export interface OrcaFields {
  readonly cpuUtilization?: number;
  readonly memUtilization?: number;
  readonly rps?: bigint;
  readonly requestCost?: Readonly<Record<string, number>>;
  readonly utilization?: Readonly<Record<string, number>>;
  readonly rpsFractional?: number;
  readonly eps?: number;
  readonly namedMetrics?: Readonly<Record<string, number>>;
  readonly applicationUtilization?: number;
}

/** xds.data.orca.v3.OrcaLoadReport as the cncf/xds repository has it. */
export const ORCA_LOAD_REPORT: DescMessage = schema();

function schema(): DescMessage {
  const file = create(FileDescriptorProtoSchema, {
    name: "orca_load_report.proto",
    package: "xds.data.orca.v3",
    syntax: "proto3",
    messageType: [
      {
        name: "OrcaLoadReport",
        field: [
          ...Object.entries(DOUBLES).map(([name, number]) => ({
            name,
            number,
            type: Type.DOUBLE,
            label: Label.OPTIONAL,
          })),
          { name: "rps", number: 3, type: Type.UINT64, label: Label.OPTIONAL },
          ...Object.entries(MAPS).map(([name, [number, entry]]) => ({
            name,
            number,
            type: Type.MESSAGE,
            label: Label.REPEATED,
            typeName: `.${NAME}.${entry}`,
          })),
        ],
        nestedType: Object.values(MAPS).map(([, name]) => ({
          name,
          field: [
            { name: "key", number: 1, type: Type.STRING, label: Label.OPTIONAL },
            { name: "value", number: 2, type: Type.DOUBLE, label: Label.OPTIONAL },
          ],
          options: { mapEntry: true },
        })),
      },
    ],
  });
  return createFileRegistry(file, () => undefined).getMessage(NAME)!;
}

/** @returns a report in protobuf's encoding, by the protobuf runtime. */
export function orcaReport(fields: OrcaFields): Buffer {
  const message = create(ORCA_LOAD_REPORT, fields as unknown as MessageShape<typeof ORCA_LOAD_REPORT>);
  return Buffer.from(toBinary(ORCA_LOAD_REPORT, message));
}
