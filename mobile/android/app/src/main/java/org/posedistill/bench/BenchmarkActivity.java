package org.posedistill.bench; public final class BenchmarkActivity extends android.app.Activity {}
