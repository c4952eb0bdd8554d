/** Numbers about a run, for dashboards and alarms. */
export interface Metrics {
  record(
    name: string,
    value: number,
    unit: 'Milliseconds' | 'Seconds' | 'Count' | 'Bytes',
    dimensions?: Readonly<Record<string, string>>,
  ): void;
}
