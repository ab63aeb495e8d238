    # >>> envctl >>>
    if (Test-Path variable:_ENVCTL_OLD) {
        foreach ($each in $global:_ENVCTL_OLD.GetEnumerator()) {
            if ($null -eq $each.Value) {
                Remove-Item -LiteralPath "env:$($each.Key)" -ErrorAction SilentlyContinue
            } else {
                Set-Item -LiteralPath "env:$($each.Key)" -Value $each.Value
            }
        }
        Remove-Variable -Name _ENVCTL_OLD -Scope global
    }
    # <<< envctl <<<

# >>> envctl >>>
if (($PSVersionTable.PSVersion.Major * 100 + $PSVersionTable.PSVersion.Minor) -lt 705 -and -not ((Test-Path env:SLURM_JOB_ID) -or (Test-Path env:KUBERNETES_SERVICE_HOST) -or (Test-Path env:PBS_JOBID) -or (Test-Path env:LSB_JOBID))) {
    throw 'envctl: CUDA_VISIBLE_DEVICES is declared as empty, and PowerShell before 7.5 cannot hold an empty variable'
}
if (-not $PSBoundParameters.ContainsKey('VenvDir')) {
    $VenvDir = '/srv/it''s/.envctl/envs/1'
}
# <<< envctl <<<

# >>> envctl >>>
# The project's variables, written by `envctl sync`; `deactivate` puts back what was there.
& {
    if (-not (Test-Path variable:_ENVCTL_OLD)) {
        $global:_ENVCTL_OLD = New-Object System.Collections.Hashtable
    }
    $set = {
        param($name, $value)
        $old = Get-Item -LiteralPath "env:$name" -ErrorAction Ignore
        $global:_ENVCTL_OLD[$name] = if ($null -eq $old) { $null } else { $old.Value }
        Set-Item -LiteralPath "env:$name" -Value $value
    }
    & $set 'A' 'it''s'
    & $set 'B' ([Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('dHdvCmxpbmVzIMOp')))
    & $set 'PYTHONHASHSEED' '0'
    if (-not ((Test-Path env:SLURM_JOB_ID) -or (Test-Path env:KUBERNETES_SERVICE_HOST) -or (Test-Path env:PBS_JOBID) -or (Test-Path env:LSB_JOBID))) {
        & $set 'CUDA_VISIBLE_DEVICES' ''
    }
}
# <<< envctl <<<
